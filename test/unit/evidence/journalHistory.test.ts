import { expect, it } from 'vitest'
import { JournalHistory } from '../../../src/evidence/journal/history.ts'
import { segmentFile, seriesName } from '../../../src/evidence/journal/names.ts'
import { digestOf } from './build.ts'

const HEAD = digestOf(new Uint8Array(1))
const OTHER = digestOf(new Uint8Array(2))
const MANY = 70_000
const series = (number: number): string => seriesName(0, String(number).padStart(12, '0'))
const segment = (number: number) =>
  ({ type: 'segment', series: series(number), segment: 1, at: 0, contexts: 'full' }) as const
const pruned = (number: number, head = HEAD) =>
  ({ type: 'pruned', at: 0, file: segmentFile(series(number), 0), bytes: 1, why: 'size', next: 5, head }) as const

/** A file that says of the segments before those of `begun` that they were deleted. */
function told(lines: Iterable<ReturnType<typeof pruned>>, begun: Iterable<number>): string[] {
  const history = new JournalHistory()
  const file = history.file('a')
  for (const number of begun) {
    file.begin(segment(number), { next: 5, head: HEAD })
    file.end({ next: 9, head: HEAD }, false)
  }
  for (const line of lines) file.line(line)
  return Array.from(history.finish(), ({ kind, detail }) => `${kind} ${detail}`)
}

function* numbers(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number
}

it('a segment follows from what was deleted before it, says that it was deleted, or is false', () => {
  expect(told([pruned(0)], [0])).toEqual([
    expect.stringContaining('incomplete the segments before this one were deleted'),
  ])
  expect(told([pruned(0, OTHER)], [0])).toEqual([expect.stringContaining('altered it does not follow')])
  expect(told([pruned(0, OTHER), pruned(0)], [0])).toEqual([expect.stringContaining('were deleted by retention')])
  expect(told([], [0])).toEqual([expect.stringContaining('are not among these files')])
})

it('of files with any number of segments and deletions so many are held against each other, and that is said', () => {
  const found = told(
    Array.from(numbers(MANY), (number) => pruned(number)),
    numbers(MANY),
  )
  expect(found[0]).toMatch(/^incomplete there are more than 65536 segments/)
  expect(found).toHaveLength(65_536 + 1)
  // What was said of deletions long ago is forgotten: missing, and not false.
  expect(found.filter((line) => line.startsWith('altered'))).toEqual([])
  expect(found.at(1)).toContain('are not among these files')
  expect(found.at(-1)).toContain('were deleted by retention')
})
