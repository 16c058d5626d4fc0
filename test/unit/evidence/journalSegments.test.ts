import { appendFile, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseLine } from '../../../src/evidence/journal/format.ts'
import { thisHolder, encodeHolder, mayRun, parseHolder } from '../../../src/evidence/journal/holder.ts'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { lockFile, parseName } from '../../../src/evidence/journal/names.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { NOW } from './build.ts'
import { Conversation, conversation, judged, rewritten } from './conversation.ts'
import { filesOf, heard, newFolder, SetClock, SMALL, writeAll } from './journalFolder.ts'

const DAY = 24 * 3_600_000
let entries: readonly EvidenceEntry[]

beforeAll(async () => {
  const talk = new Conversation()
  for (let n = 0; n < 12; n++) await talk.answer(await talk.ask())
  await talk.close()
  entries = talk.entries
})

/** All of a session in several segments, closed. */
async function segments(options = {}): Promise<string> {
  const folder = await newFolder()
  await (await writeAll(folder, entries, { ...SMALL, ...options })).close()
  return folder
}

/** What does not simply hold, without paths: a diff of long lines would take longer than all the tests. */
const said = (lines: readonly string[]) =>
  lines.filter((line) => !line.startsWith('holds')).map((line) => line.replaceAll(/\S*\//g, '').slice(0, 240))
const isFalse = (lines: readonly string[]) => said(lines).filter((line) => line.startsWith('FALSE'))

describe('a journal in segments', () => {
  it('begins another file when one is full, and all of them are one chain', async () => {
    const files = await filesOf(await segments())
    expect(files.length).toBeGreaterThan(3)
    expect(files.map((file) => parseName(basename(file))?.number)).toEqual(files.map((_, at) => at))
    const { code, lines } = await judged(...files)
    expect([code, said(lines)]).toEqual([0, []])
    const all = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('').trimEnd().split('\n')
    expect(all.map((line) => parseLine(Buffer.from(line)).n)).toEqual(all.map((_, at) => at))
  })

  it('is the same with its files one behind the other', async () => {
    const folder = await segments()
    const whole = join(folder, 'whole')
    for (const file of await filesOf(folder)) await appendFile(whole, await readFile(file))
    expect((await judged(whole)).code).toBe(0)
  })

  it('can be read from any of its files on: each names its keys and batches', async () => {
    const files = await filesOf(await segments())
    const { code, lines } = await judged(...files.slice(2))
    expect(code).toBe(2)
    expect(said(lines).join('\n')).toContain('the segments before this one are not among these files')
    expect(isFalse(lines)).toEqual([])
    expect(lines.filter((line) => line.includes('batch of the record is missing'))).toEqual([])
  })

  it('begins another file when one is old enough, but not for an hour by which the clock was set back', async () => {
    const folder = await newFolder()
    const clock = new SetClock(NOW)
    const journal = await Journal.open({ folder, clock, segments: { age: DAY } })
    const append = async (at: number) => {
      clock.time = at
      await journal.append(entries[0] ?? fail())
      return (await filesOf(folder)).length
    }
    expect([await append(NOW), await append(NOW + DAY - 1), await append(NOW + DAY)]).toEqual([1, 1, 2])
    expect([await append(NOW - 40 * DAY), await append(NOW + 1.5 * DAY), await append(NOW + 2 * DAY)]).toEqual([
      2, 2, 3,
    ])
    await journal.close()
  })

  it('keeps calling order over a change of files', async () => {
    const folder = await newFolder()
    const journal = await Journal.open({ folder, ...SMALL })
    const done: number[] = []
    for (let round = 0; round < 4; round++) {
      // The key of the next segment is made ahead; give it its turn.
      await new Promise((resolve) => setImmediate(resolve))
      const group = entries.slice(round * 6, round * 6 + 6)
      await Promise.all(group.map((entry, at) => journal.append(entry).then(() => done.push(round * 6 + at))))
    }
    for (const entry of entries.slice(24)) await journal.append(entry)
    await journal.close()
    expect(done).toEqual(done.map((_, at) => at))
    expect((await judged(...(await filesOf(folder)))).code).toBe(0)
  })
})

describe('the next process', () => {
  it('goes on with the series where the last one ended', async () => {
    const folder = await newFolder()
    for (const part of [entries.slice(0, 3), entries.slice(3, 4), entries.slice(4)]) {
      await (await writeAll(folder, part)).close()
    }
    const files = await filesOf(folder)
    expect(new Set(files.map((file) => parseName(basename(file))?.series)).size).toBe(1)
    expect((await judged(...files)).code).toBe(0)
  })

  it.each([0, 1, 40, 3000])(
    'goes on behind a crash that left %i bytes of a line, and says what was cut',
    async (bytes) => {
      const folder = await newFolder()
      const journal = await writeAll(folder, entries.slice(0, 8))
      const torn = (await readFile(journal.path)).subarray(0, bytes)
      await appendFile(journal.path, Buffer.from(torn.toString().replaceAll('\n', ' ')))
      await gone(folder)
      const log = heard()
      await (await writeAll(folder, entries.slice(8), { log })).close()
      const { code, lines } = await judged(...(await filesOf(folder)))
      expect(code).toBe(2)
      expect(lines.filter((line) => line.startsWith('holds')).length).toBe(entries.length)
      expect(isFalse(lines)).toEqual([])
      const cut = lines.filter((line) => line.includes(`cut off by a crash: ${bytes} bytes`))
      expect([cut.length, log.lines.filter((line) => line.includes('cut off')).length]).toEqual(
        bytes === 0 ? [0, 0] : [1, 1],
      )
    },
  )

  it('goes on behind a file without a whole line, as after a kill in its first moment', async () => {
    const folder = await newFolder()
    await (await writeAll(folder, entries.slice(0, 8))).close()
    const next = await writeAll(folder, [])
    await truncate(next.path, 20)
    await gone(folder)
    await (await writeAll(folder, entries.slice(8))).close()
    const { code, lines } = await judged(...(await filesOf(folder)))
    expect([code, lines.filter((line) => line.startsWith('holds')).length]).toEqual([2, entries.length])
    expect(isFalse(lines)).toEqual([])
  })

  it('reads a hole of zeros, as a power failure leaves it, as missing and not as changed', async () => {
    const folder = await newFolder()
    const journal = await writeAll(folder, entries.slice(0, 8))
    const bytes = await readFile(journal.path)
    const end = bytes.lastIndexOf(10, bytes.length - 2)
    bytes.fill(0, end - 3000, end - 100)
    await writeFile(journal.path, bytes)
    await gone(folder)
    await (await writeAll(folder, entries.slice(8))).close()
    const { code, lines } = await judged(...(await filesOf(folder)))
    expect(code).toBe(2)
    expect(isFalse(lines)).toEqual([])
    expect(said(lines).join('\n')).toContain('holds zeros')
  })
})

describe('two writers of one folder', () => {
  it('write a series each, and the second one says who holds the first', async () => {
    const folder = await newFolder()
    const one = await writeAll(folder, entries.slice(0, 2))
    const log = heard()
    const two = await writeAll(folder, entries.slice(2), { log })
    expect(log.lines[0]).toContain(`process ${process.pid}, since `)
    expect(basename(one.path)).not.toBe(basename(two.path))
    await one.append(entries[2] ?? fail())
    await Promise.all([one.close(), two.close()])
    const files = await filesOf(folder)
    expect(files.map((file) => parseName(basename(file))?.number)).toEqual([0, 0])
    expect(isFalse((await judged(...files)).lines)).toEqual([])
    // Nobody holds it any more.
    const three = await writeAll(folder, [])
    expect(parseName(basename(three.path))?.number).toBe(1)
    await three.close()
  })

  it('never get the same series, however many begin at once, also behind a dead one', async () => {
    const folder = await newFolder()
    await (await writeAll(folder, entries.slice(0, 1))).close()
    await gone(folder)
    const journals = await Promise.all(Array.from({ length: 8 }, () => Journal.open({ folder })))
    expect(new Set(journals.map(({ path }) => parseName(basename(path))?.series)).size).toBe(8)
    await Promise.all(journals.map((journal) => journal.close()))
    expect(isFalse((await judged(...(await filesOf(folder)))).lines)).toEqual([])
  })

  it('leave a lock that cannot be read alone while it is new', async () => {
    const folder = await newFolder()
    await (await writeAll(folder, entries.slice(0, 1))).close()
    const { series = '' } = parseName(basename((await filesOf(folder))[0] ?? '')) ?? {}
    const lock = join(folder, lockFile(series, 0))
    await writeFile(lock, '{"v":1')
    const beside = await writeAll(folder, [])
    expect(basename(beside.path)).not.toContain(series)
    await utimes(lock, 1, 1)
    const behind = await writeAll(folder, [])
    expect(basename(behind.path)).toContain(series)
    await Promise.all([beside.close(), behind.close()])
  })

  it('tell a process from a later one with its number, and know nothing of other machines', () => {
    const own = thisHolder(NOW)
    expect(parseHolder(encodeHolder(own))).toEqual(own)
    expect(mayRun(own)).toBe(true)
    expect(mayRun({ ...own, pid: 2 ** 22 + 1 })).toBe(false)
    expect(mayRun({ ...own, pid: 2 ** 22 + 1, host: 'elsewhere' })).toBe(true)
    if (process.platform === 'linux') expect(mayRun({ ...own, started: 'another boot 1' })).toBe(false)
  })
})

describe('retention', () => {
  it('deletes the oldest files beyond a size, says so in the journal first, and leaves the rest to verify', async () => {
    const log = heard()
    const folder = await newFolder()
    const journal = await writeAll(folder, entries, { ...SMALL, keep: { bytes: 40_000 }, log })
    await journal.close()
    const files = await filesOf(folder)
    expect(parseName(basename(files[0] ?? ''))?.number).toBeGreaterThan(0)
    const { code, lines } = await judged(...files)
    expect(code).toBe(2)
    expect(isFalse(lines)).toEqual([])
    expect(said(lines).join('\n')).toMatch(
      /deleted by retention \(limit of the size of the journal\), the last at \d{4}-/,
    )
    expect(said(lines).join('\n')).not.toContain('are not among these files, ')
    expect(log.lines.filter((line) => line.startsWith('an old segment')).length).toBeGreaterThan(0)
  })

  it('deletes what is older than it may be, of series that nobody writes as well, and of journals of one file', async () => {
    const folder = await newFolder()
    const [one, two] = [await writeAll(folder, entries.slice(0, 2)), await writeAll(folder, entries.slice(2, 4))]
    await Promise.all([one.close(), two.close()])
    const single = join(folder, 'countersign-2026-01-01T00-00-00Z-AAAAAAAAAAAA.jsonl')
    await writeFile(single, '')
    for (const file of await filesOf(folder)) await utimes(file, NOW / 1000, NOW / 1000)
    const clock = new SetClock(NOW + 3 * DAY)
    await (await writeAll(folder, [], { clock, keep: { age: 4 * DAY } })).close()
    expect((await filesOf(folder)).length).toBe(4)
    const later = await writeAll(folder, [], { clock: new SetClock(NOW + 5 * DAY), keep: { age: 4 * DAY } })
    await later.close()
    // That of the time between was written by the clock of this machine.
    const left = await filesOf(folder)
    expect(left).not.toContain(single)
    expect(left.filter((file) => file.endsWith('000000.jsonl'))).toEqual([])
    const text = await readFile(later.path, 'utf8')
    expect(text.match(/"type":"pruned"/g)?.length).toBe(3)
    expect(text).toContain('"why":"age"')
  })

  it('deletes nothing for a clock that was set back, and nothing that another process writes', async () => {
    const folder = await newFolder()
    const open = await writeAll(folder, entries.slice(0, 4))
    const clock = new SetClock(NOW - 1000 * DAY)
    const other = await writeAll(folder, entries.slice(4), { clock, keep: { age: DAY } })
    expect((await filesOf(folder)).length).toBe(2)
    await other.close()
    const last = await writeAll(folder, [], { keep: { bytes: 1 } })
    await last.close()
    expect(await filesOf(folder)).toEqual([open.path, last.path].toSorted())
    await open.close()
  })

  it('is told from a deletion that nobody wrote down, and from one that was made up', async () => {
    const folder = await newFolder()
    await (await writeAll(folder, entries, { ...SMALL, keep: { bytes: 40_000 } })).close()
    const files = await filesOf(folder)
    const unsaid = await judged(...(await Promise.all(files.map(async (file) => without(file, 'pruned')))))
    expect(said(unsaid.lines).join('\n')).not.toContain('deleted by retention')
    const made = await Promise.all(
      files.map((file) =>
        rewritten(file, (lines) =>
          lines.map((line) => (line['type'] === 'pruned' ? { ...line, head: line['prev'] } : line)),
        ),
      ),
    )
    expect((await judged(...made)).code).toBe(1)
  })
})

describe('a series that was changed', () => {
  it('is incomplete with a segment taken away: in the middle, or at an end that promised another', async () => {
    const files = await filesOf(await segments())
    const middle = await judged(...files.toSpliced(2, 1))
    expect([middle.code, said(middle.lines).join('\n')]).toEqual([
      2,
      expect.stringMatching(/\d+ lines are missing between/),
    ])
    const end = await judged(...files.slice(0, 3))
    expect(said(end.lines).join('\n')).toContain('goes on in a segment that is not among these files')
  })

  it('is false where a segment grew behind its end, was exchanged, or does not follow', async () => {
    const folder = await segments()
    const files = await filesOf(folder)
    const [first = '', second = ''] = files
    // Its last lines written anew, with a chain that fits.
    await rewriteIn(first, (lines) => lines.map((line) => (line['type'] === 'close' ? { ...line, at: 1 } : line)))
    const changed = await judged(...files)
    expect([changed.code, said(changed.lines).join('\n')]).toEqual([1, expect.stringContaining('does not follow')])
    const other = await filesOf(await segments())
    await writeFile(second, await readFile(other[1] ?? ''))
    expect((await judged(...(await filesOf(folder)))).code).not.toBe(0)
    const grown = await filesOf(await segments())
    await rewriteIn(grown[0] ?? '', (lines) => [...lines.slice(0, -1), ...lines.slice(-2, -1), ...lines.slice(-1)])
    const { code, lines } = await judged(...grown)
    expect([code, said(lines).join('\n')]).toEqual([1, expect.stringContaining('goes on behind the place')])
  })

  it('holds with a file given twice, and is false with two that tell it differently', async () => {
    const files = await filesOf(await segments())
    expect(said((await judged(...files, files[1] ?? '')).lines).join('\n')).not.toContain('different ways')
    const forged = await rewritten(files[1] ?? '', (lines) =>
      lines.map((line) => (line['type'] === 'close' ? { ...line, at: 1 } : line)),
    )
    expect((await judged(...files, forged)).code).toBe(1)
  })

  it('is false where a file that another line begins tells of lines before its series', async () => {
    const talk = await conversation()
    const folder = await newFolder()
    await (await writeAll(folder, talk.entries)).close()
    const [file = ''] = await filesOf(folder)
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/"prev":"A+"/, `"prev":"B${'A'.repeat(63)}"`))
    expect((await judged(file)).code).toBe(1)
    await rm(folder, { recursive: true })
  })
})

/** As if their process had been killed: the locks stay, and name nobody who runs. */
async function gone(folder: string): Promise<void> {
  const holder = encodeHolder({ ...thisHolder(NOW), pid: 2 ** 22 + 1 })
  for (const file of await filesOf(folder)) {
    const { series = '' } = parseName(basename(file)) ?? {}
    await writeFile(join(folder, lockFile(series, 0)), holder)
  }
}

async function without(file: string, type: string): Promise<string> {
  return await rewritten(file, (lines) => lines.filter((line) => line['type'] !== type))
}

async function rewriteIn(
  file: string,
  change: (lines: Record<string, unknown>[]) => Record<string, unknown>[],
): Promise<void> {
  await writeFile(file, await readFile(await rewritten(file, change)))
}

function fail(): never {
  throw new Error('a test has no entry')
}
