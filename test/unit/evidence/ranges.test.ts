import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Ranges } from '../../../src/evidence/offline/ranges.ts'

it('says what a set would say, in whatever order sequences come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 40 })), fc.nat({ max: 45 }), (seqs, from) => {
      const [ranges, set] = [new Ranges(), new Set(seqs)]
      for (const seq of seqs) ranges.add(seq)
      const highest = Math.max(-1, ...seqs)
      const missing = Array.from({ length: highest + 1 }, (_, seq) => seq).filter((seq) => !set.has(seq))
      expect(ranges.count).toBe(set.size)
      expect(ranges.countFrom(from)).toBe([...set].filter((seq) => seq >= from).length)
      expect(
        ranges.missing.flatMap((gap) => Array.from({ length: gap.to - gap.from }, (_, at) => gap.from + at)),
      ).toEqual(missing)
      expect(ranges.covers(from)).toBe(Array.from({ length: from }, (_, seq) => seq).every((seq) => set.has(seq)))
    }),
  )
})

it('stays small however many holes there are', () => {
  const ranges = new Ranges()
  for (let seq = 0; seq < 100_000; seq += 2) ranges.add(seq)
  expect(ranges.missing.length).toBeLessThan(5000)
})
