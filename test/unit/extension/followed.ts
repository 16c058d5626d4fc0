import { afterEach } from 'vitest'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { ContextStore } from '../../../src/extension/evidence/contextStore.ts'
import { SessionRecorder } from '../../../src/extension/evidence/sessionRecorder.ts'
import { ExchangeClient } from '../../../src/mcp/exchange/client.ts'
import { encodeResponseHead } from '../../../src/mcp/exchange/head.ts'
import type { Session } from '../../../src/session/api.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { join, type Pair, Party } from '../../fakes/party.ts'

export const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"}}}'
export const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'

let open: Pair | undefined
afterEach(async () => {
  await open?.client.close()
  open = undefined
})

/** A real session over memory that a recorder follows, and a gateway that answers every request. */
export async function followed() {
  const [client, gateway] = [await Party.create(1, 'editor'), await Party.create(2, 'desk')]
  const store = new ContextStore(systemClock)
  const recorder = new SessionRecorder(store, 'desk', client.signer)
  const trust = {
    checkGateway: async (peer: Session['peer']) => {
      recorder.peer = peer
      return 'accept' as const
    },
  }
  open = await join(client, gateway, { observer: recorder, trust })
  answer(open.gateway)
  return { client, gateway, store, recorder, pair: open, exchanges: new ExchangeClient(open.client) }
}

function answer(session: Session): void {
  session.receive(async ({ statement, digest }) => {
    if (statement.kind !== 'request') return
    const { server, exchange } = statement
    const head = encodeResponseHead({ status: 200, headers: [['content-type', 'application/json']] })
    const empty = new Uint8Array()
    await session.send({ kind: 'response', server, exchange, head, body: encodeUtf8(ANSWER), req: digest })
    const end = { events: 0, reason: 'complete' }
    await session.send({ kind: 'end', server, exchange, head: empty, body: empty, req: digest, end })
  })
}

export async function call(exchanges: ExchangeClient) {
  const headers = [['content-type', 'application/json']] as const
  return await exchanges.open('files', { method: 'POST', headers, body: encodeUtf8(CALL) })
}

/** Until no row is pending. */
export async function settled(store: ContextStore, rows: number): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 10) {
    const all = store.all()
    if (all.length >= rows && all.every(({ row }) => row.verdict !== 'pending')) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`still pending: ${JSON.stringify(store.all().map(({ row }) => row))}`)
}
