import { expect, it } from 'vitest'
import { randomSalt } from '../../../src/crypto/random.ts'

it('gives each byte of randomness to one salt only, whatever lengths are asked for', () => {
  const salts = Array.from({ length: 1000 }, (_, n) => randomSalt(n % 3 === 0 ? 32 : 47))
  const pieces = salts.flatMap((salt) => [salt.subarray(0, 16), salt.subarray(16, 32)]).map((piece) => piece.join())
  expect(new Set(pieces).size).toBe(pieces.length)
  expect(salts.map(({ length }) => length).slice(0, 2)).toEqual([32, 47])
  // A salt of its own memory: what is done to one is not done to another.
  expect(salts[0]?.buffer).not.toBe(salts[1]?.buffer)
})
