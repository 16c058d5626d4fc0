import { Socket } from 'node:net'
import { expect, it, vi } from 'vitest'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'

it('writes the frames of one turn at once, in their order, also those before its close', async () => {
  const arrived: Carrier[] = []
  const listening = await listenWebSocket({ url: 'ws://127.0.0.1:0', onCarrier: (carrier) => arrived.push(carrier) })
  const client = await connectWebSocket(listening.url)
  const [gateway] = arrived
  const ends = [client, gateway].filter((end) => end !== undefined)
  const received = ends.map((end) => {
    const frames: number[] = []
    end.onFrame((frame) => frames.push(frame[0] ?? 0))
    return frames
  })
  const [single, gathered] = [vi.spyOn(Socket.prototype, '_write'), vi.spyOn(Socket.prototype, '_writev')]
  const send = (end: Carrier) => [1, 2, 3].map((number) => end.send(Uint8Array.of(number)))
  for (const end of ends) await Promise.all(send(end))
  expect([single, gathered].map(({ mock }) => mock.calls.length)).toEqual([0, 2])
  const last = send(client)
  await client.close()
  await Promise.all([...last, gateway?.closed])
  await listening.close()
  expect(received).toEqual([
    [1, 2, 3],
    [1, 2, 3, 1, 2, 3],
  ])
})
