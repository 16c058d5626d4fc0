import { expect, it } from 'vitest'
import { everyByte } from './everyByte.ts'

it('a WebSocket that is cut after each byte to the client', async () => {
  const { is, has } = await everyByte('webSocket', 's2c', 1)
  expect(is).toEqual(has)
})
