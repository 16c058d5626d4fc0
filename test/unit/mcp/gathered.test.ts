import { expect, it } from 'vitest'
import { Gathered } from '../../../src/mcp/gathered.ts'

it('gives back what it was given, whatever was said about how much would come', () => {
  for (const expected of [0, 3, 5, 100, 2 ** 40]) {
    const gathered = new Gathered(8, expected)
    for (const last of [false, true]) {
      expect([gathered.add(Uint8Array.of(1, 2)), gathered.add(Uint8Array.of(3, 4, 5), last)]).toEqual([true, true])
      expect(gathered.take()).toEqual(Uint8Array.of(1, 2, 3, 4, 5))
    }
    expect([gathered.add(new Uint8Array(8)), gathered.add(Uint8Array.of(1), true)]).toEqual([true, false])
  }
})
