import { DEFAULT_SUITES } from '../../crypto/suite.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import { ExchangeServer, type ExchangeHandler } from '../../mcp/exchange/gateway.ts'
import { readMessage } from '../../mcp/message.ts'
import { GatewayListener } from '../../session/gateway.ts'
import { systemClock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { TrialKey } from './stand.ts'
import type { Tap } from './tap.ts'

/**
 * A gateway that is not the sample's, on loopback in this process: the same code, with a key of the attacker's choice and
 * somebody in front of that key. It answers each call with the same text and has no server.
 */
export async function openImpostor(key: TrialKey, tap: Tap, log: Log): Promise<GatewayListener> {
  return await GatewayListener.listen({
    identity: { signer: key.signer, batches: tap.batches(key.batches), name: 'impostor' },
    sink: { append: async () => {} },
    observer: {},
    clock: systemClock,
    log,
    listen: 'ws://127.0.0.1:0',
    suites: DEFAULT_SUITES,
    clients: { checkClient: async () => 'accept' },
    onSession: (session) => void new ExchangeServer(session, answer, log),
  })
}

const answer: ExchangeHandler = ({ body }, respond) => {
  if (body.length === 0) return respond.body(405, [], body)
  const { id = 'null' } = readMessage(body)
  const result = '{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"impostor","version":"1"}}'
  const json = [['content-type', 'application/json']] as const
  respond.body(200, json, encodeUtf8(`{"jsonrpc":"2.0","id":${id},"result":${result}}`))
}
