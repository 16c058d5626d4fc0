import { createHmac, randomBytes } from 'node:crypto'
import { isSuiteName } from '../../../src/crypto/suite.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import type { Session } from '../../../src/session/api.ts'
import { REKEY_POLICY } from '../../../src/session/rekey/epochUse.ts'
import { connect, Party } from '../party.ts'
import type { Stop } from './stops.ts'

/**
 * One end of a session, a process of its own: `main.mjs client|server SUITE [URL]`. It stops where the parent wants to look
 * into it, and goes on when it is told to.
 */
export type ToParent = { readonly listening: string } | { readonly at: Stop } | { readonly tidied: true }
export type FromParent = { readonly do: 'go on' | 'tidy' }

/** A handshake whose parent reads all of the memory at every step takes longer than ten seconds. */
const TIMEOUT = 120_000
const BODY = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}')
const NONE = new Uint8Array(0)
/** Two before the rekey, one after it, one after the resume. */
const CALLS = 4

const [, , role, suite, url = ''] = process.argv
if (!isSuiteName(suite)) throw new Error(`no suite: ${suite}`)
/** One rekey, after two contexts; then none any more. */
const rekey = { ...REKEY_POLICY, contexts: role === 'client' ? 2 : REKEY_POLICY.contexts, spacing: 0 }
const options = { suites: [suite], timeout: TIMEOUT, rekey }

let resume: () => void = () => {}
process.on('message', (message: FromParent) => {
  if (message.do === 'tidy') void tidy().then(() => send({ tidied: true }))
  else resume()
})

function send(message: ToParent): void {
  process.send?.(message)
}

async function stop(at: Stop): Promise<void> {
  send({ at })
  await new Promise<void>((resolve) => {
    resume = resolve
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** What a process does anyway sooner or later: it collects garbage and takes freed memory and stack for other things. */
async function tidy(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
    for (let size = 16; size <= 8192; size += 16) {
      createHmac('sha384', randomBytes(size)).update(randomBytes(size)).digest()
    }
  }
}

async function newParty(seed: number, name: string): Promise<Party> {
  const party = await Party.create(seed, name)
  let handshakes = 0
  party.signer.before = async ({ kind }) => {
    if (kind === 'rekey') await stop('signing the rekey')
    if (kind === 'handshake') await stop(handshakes++ === 0 ? 'signing the handshake' : 'signing the resume')
  }
  return party
}

async function client(): Promise<Session> {
  const party = await newParty(1, 'editor')
  let carrier: Carrier | undefined
  const session = await connect(party, async () => (carrier = await connectWebSocket(url)), options)
  party.keep(session)
  await stop('open')
  await call(session, party)
  await call(session, party)
  await until(() => party.epochs.length === 1)
  rekey.contexts = REKEY_POLICY.contexts
  await stop('rekeyed')
  await call(session, party)
  // Without a word in the session: the connection is lost, and comes back by itself.
  await carrier?.close()
  await until(() => party.connections.some(({ kind }) => kind === 'resumed'))
  // The gateway keeps the old connection's secret until this end has spoken on the new one.
  await call(session, party)
  await stop('resumed')
  await session.close()
  return session
}

async function call(session: Session, party: Party): Promise<void> {
  const before = party.received.length
  await session.send({ kind: 'request', server: 'files', exchange: session.nextExchange(), head: NONE, body: BODY })
  await until(() => party.received.length > before)
}

async function gateway(): Promise<Session> {
  const party = await newParty(2, 'host')
  const session = await new Promise<Session>((resolve, reject) => {
    const clients = { checkClient: async () => 'accept' as const }
    const listen = { ...party.ports, ...options, clients, listen: 'ws://127.0.0.1:0', onSession: resolve }
    GatewayListener.listen(listen).then(({ url }) => send({ listening: url }), reject)
  })
  let answered = 0
  session.receive(async ({ statement, digest }) => {
    const { server, exchange } = statement
    await session.send({ kind: 'response', server, exchange, head: NONE, body: BODY, req: digest })
    answered += 1
  })
  await stop('open')
  await until(() => party.epochs.length === 1)
  await stop('rekeyed')
  await until(() => answered === CALLS)
  await stop('resumed')
  return session
}

const session = await (role === 'client' ? client() : gateway())
await session.closed
await stop('closed')
process.exit()
