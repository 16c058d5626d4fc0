import { expect, it } from 'vitest'
import { OpeningDirection, SealingDirection } from '../../../src/session/channel/protection.ts'
import { MAX_PLAINTEXT, RECORD } from '../../../src/session/channel/record.ts'

const keys = () => ({ key: new Uint8Array(32).fill(1), iv: new Uint8Array(12).fill(2) })
const DATA = Uint8Array.of(1, 2, 3)

it('opens what was sealed, in order, once', () => {
  const [seal, open] = [new SealingDirection(keys(), 0), new OpeningDirection(keys(), 0)]
  const frames = [1, 2, 3].map(() => seal.seal(RECORD.Ping, DATA))
  expect(new Set(frames.map((frame) => Buffer.from(frame).toString('hex'))).size).toBe(3)
  for (const frame of frames) expect(open.open(frame)).toEqual({ type: RECORD.Ping, payload: DATA })
  expect(() => open.open(frames[2] ?? DATA)).toThrow(expect.objectContaining({ alert: 20 }))
})

it('binds type, epoch and length', () => {
  for (const at of [0, 1, 4, 5, 12, 13, 16]) {
    const frame = new SealingDirection(keys(), 0).seal(RECORD.Ping, DATA)
    frame[at] = (frame[at] ?? 0) ^ 1
    expect(() => new OpeningDirection(keys(), 0).open(frame)).toThrow(expect.objectContaining({ alert: 20 }))
  }
  const frame = new SealingDirection(keys(), 1).seal(RECORD.Ping, DATA)
  expect(() => new OpeningDirection(keys(), 0).open(frame)).toThrow(expect.objectContaining({ alert: 20 }))
})

it('a record that did not open does not advance: the next attempt is measured against the same sequence', () => {
  const [seal, open] = [new SealingDirection(keys(), 0), new OpeningDirection(keys(), 0)]
  const frame = seal.seal(RECORD.Ping, DATA)
  const changed = frame.slice()
  changed[20] = (changed[20] ?? 0) ^ 1
  expect(() => open.open(changed)).toThrow(expect.objectContaining({ alert: 20 }))
  expect(open.open(frame).payload).toEqual(DATA)
})

it('stops after 2^20 records, and when wiped', () => {
  const seal = new SealingDirection(keys(), 0)
  Reflect.set(seal, 'next', 2 ** 20 - 1)
  seal.seal(RECORD.Ping, DATA)
  expect(() => seal.seal(RECORD.Ping, DATA)).toThrow(expect.objectContaining({ alert: 114 }))
  const wiped = new SealingDirection(keys(), 0)
  wiped.wipe()
  expect(() => wiped.seal(RECORD.Ping, DATA)).toThrow(expect.objectContaining({ alert: 114 }))
})

it('takes 256 KiB and no more', () => {
  const [seal, open] = [new SealingDirection(keys(), 0), new OpeningDirection(keys(), 0)]
  expect(open.open(seal.seal(RECORD.Fragment, new Uint8Array(MAX_PLAINTEXT))).payload).toHaveLength(MAX_PLAINTEXT)
  expect(() => seal.seal(RECORD.Fragment, new Uint8Array(MAX_PLAINTEXT + 1))).toThrow()
  expect(() => open.open(new Uint8Array(17 + 256 * 1024 + 1))).toThrow(expect.objectContaining({ alert: 22 }))
})
