import { expect, it } from 'vitest'
import { Receipts } from '../../../src/evidence/receipts.ts'
import { digestOf, QUESTION, SID } from './build.ts'

const head = digestOf(QUESTION)

it('a statement is acknowledged when one of the other direction counts past it, and stays so', () => {
  const receipts = new Receipts()
  const said = (dir: 'c2s' | 's2c', seq: number) => receipts.add({ sid: SID, dir, ack: { seq, head } })
  expect(receipts.isAcknowledged({ sid: SID, dir: 'c2s', seq: 0 })).toBe(false)
  expect(said('s2c', 2)).toBe('c2s')
  expect([0, 1, 2].map((seq) => receipts.isAcknowledged({ sid: SID, dir: 'c2s', seq }))).toEqual([true, true, false])
  // Nothing new, and an older one that came late.
  expect([said('s2c', 2), said('s2c', 1)]).toEqual([undefined, undefined])
  expect([receipts.acknowledged(SID, 'c2s'), receipts.acknowledged(SID, 's2c')]).toEqual([2, 0])
  expect(said('c2s', 1)).toBe('s2c')
})

it('remembers the sessions that were heard of last', () => {
  const receipts = new Receipts()
  const sid = (n: number) => `session ${n}`
  for (let n = 0; n < 5000; n++) {
    receipts.add({ sid: sid(n), dir: 's2c', ack: { seq: 1, head } })
    receipts.add({ sid: sid(0), dir: 's2c', ack: { seq: 1, head } })
  }
  expect([0, 1, 4999].map((n) => receipts.acknowledged(sid(n), 'c2s'))).toEqual([1, 0, 1])
})
