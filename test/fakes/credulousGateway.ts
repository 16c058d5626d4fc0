import { encodeUtf8 } from '../../src/crypto/encoding.ts'
import type { TrialGateway } from '../../src/extension/trial/gateway.ts'
import { encodeResponseHead } from '../../src/mcp/exchange/head.ts'
import type { Carrier } from '../../src/session/carrier/carrier.ts'
import { listenWebSocket } from '../../src/session/carrier/webSocketServer.ts'
import { type Asked, KeyedPeer, LooseKey } from './chainPeer.ts'

const HEAD = encodeResponseHead({ status: 200, headers: [['content-type', 'application/json']] })

/**
 * A gateway that speaks the whole protocol and leaves out one thing: it verifies no evidence. Whatever comes in a record that
 * opens is given to its server.
 */
export async function openCredulousGateway(): Promise<TrialGateway> {
  const key = await LooseKey.create(9)
  let bytes = 0
  const listening = await listenWebSocket({
    url: 'ws://127.0.0.1:0',
    onCarrier: (carrier) => void serve(carrier),
  })
  const serve = async (carrier: Carrier): Promise<void> => {
    const peer = await KeyedPeer.accept(carrier, key)
    peer.onAsked = (asked) => {
      bytes += asked.body.length
      void answer(peer, asked)
    }
    await peer.ready()
  }
  return {
    url: listening.url,
    kid: key.kid,
    key: { vault: 'none', keyFile: 'none' },
    serverBytes: () => Promise.resolve(bytes),
    refusals: () => [],
    stop: () => listening.close(),
  }
}

async function answer(peer: KeyedPeer, { server, exchange, digest, id }: Asked): Promise<void> {
  const result = { protocolVersion: '2025-11-25', content: [{ type: 'text', text: 'Echo: unaltered' }] }
  const body = encodeUtf8(JSON.stringify({ jsonrpc: '2.0', id: id ?? null, result }))
  const where = { server, exchange }
  await peer.say([
    { ...where, kind: 'response', head: HEAD, body, changes: { req: digest } },
    { ...where, kind: 'end', changes: { req: digest, end: { events: 0, reason: 'complete' } } },
  ])
}
