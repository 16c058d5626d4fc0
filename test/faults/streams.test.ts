import { expect, it } from 'vitest'
import { everyByte } from './everyByte.ts'

// The same sessions over frames behind their length: a prime stride, so that it falls on each place of these in turn.
it.each(['c2s', 's2c'] as const)('a stream that is cut after each seventh byte of %s', async (way) => {
  const { is, has } = await everyByte('stream', way, 7)
  expect(is).toEqual(has)
})
