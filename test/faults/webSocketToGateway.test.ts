import { expect, it } from 'vitest'
import { everyByte } from './everyByte.ts'

it('a WebSocket that is cut after each byte to the gateway', async () => {
  const { is, has } = await everyByte('webSocket', 'c2s', 1)
  expect(is).toEqual(has)
})
