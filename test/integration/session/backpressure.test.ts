import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { StreamCarrier } from '../../../src/session/carrier/stdio.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'
import { accept, connect, Party } from '../../fakes/party.ts'

const NONE = new Uint8Array(0)

interface Ends {
  readonly client: Carrier
  readonly gateway: Carrier
  readonly dispose: () => Promise<void>
}

async function overWebSocket(): Promise<Ends> {
  const arrived: Carrier[] = []
  const listening = await listenWebSocket({ url: 'ws://127.0.0.1:0', onCarrier: (carrier) => arrived.push(carrier) })
  const client = await connectWebSocket(listening.url)
  const [gateway] = arrived
  if (gateway === undefined) throw new Error('no carrier arrived')
  return { client, gateway, dispose: () => listening.close() }
}

async function overStreams(): Promise<Ends> {
  const [there, back] = [new PassThrough(), new PassThrough()]
  const client = new StreamCarrier(back, there, 'stdio', true)
  return { client, gateway: new StreamCarrier(there, back, 'stdio', true), dispose: async () => {} }
}

/** A journal that is slower than the network: the carrier is held, and nothing is lost or reordered. */
for (const [name, open] of Object.entries({ webSocket: overWebSocket, stdio: overStreams })) {
  it(`holds the carrier while verification falls behind: ${name}`, async () => {
    const ends = await open()
    const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
    const slow = { append: () => new Promise<void>((resolve) => setTimeout(resolve, 50)) }
    let pauses = 0
    const pause = ends.gateway.pause.bind(ends.gateway)
    ends.gateway.pause = () => {
      pauses += 1
      pause()
    }
    const opening = connect(editor, ends.client)
    const [client, gateway] = await Promise.all([opening, accept(host, ends.gateway, { sink: slow })])
    const inHandshake = pauses
    host.keep(gateway)
    for (let number = 0; number < 120; number++) {
      const body = new TextEncoder().encode(
        JSON.stringify({ jsonrpc: '2.0', id: number, method: 'ping', pad: 'x'.repeat(20_000) }),
      )
      await client.send({ kind: 'request', server: 'files', exchange: client.nextExchange(), head: NONE, body })
    }
    while (host.received.length < 120) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(host.received.map(({ statement }) => statement.id)).toEqual(Array.from({ length: 120 }, (_, id) => `${id}`))
    expect(pauses).toBeGreaterThan(inHandshake)
    await client.close()
    expect(await gateway.closed).toBeUndefined()
    await ends.dispose()
  }, 30_000)
}
