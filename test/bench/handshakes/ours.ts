import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { connectSession } from '../../../src/session/client.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import type { SessionPorts } from '../../../src/session/liveSession.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { silentLog } from '../../../src/support/log.ts'

/** Does one handshake. Resolves, when both ends have proven themselves to each other, to what closes the connection. */
export type Handshake = () => Promise<() => Promise<void>>

/** A gateway with a vault in a key process of its own. Returns its address. */
export async function startGateway(folder: string, keyProcessPath: string): Promise<string> {
  const listener = await GatewayListener.listen({
    ...(await ports(folder, 'gateway', keyProcessPath)),
    listen: 'ws://127.0.0.1:0',
    suites: DEFAULT_SUITES,
    clients: { checkClient: async () => 'accept' },
    onSession: () => {},
    // What is measured is the handshake, not the limit.
    handshakes: { perAddress: 1000, total: 1000 },
  })
  return listener.url
}

/** A client with a vault of its own, whose trust is asked for nothing: as with a pinned gateway. */
export async function gatewayClient(folder: string, keyProcessPath: string, url: string): Promise<Handshake> {
  const own = await ports(folder, 'client', keyProcessPath)
  const trust = { checkGateway: async () => 'accept' as const }
  return async () => {
    const carrier = () => connectWebSocket(url)
    const session = await connectSession({ ...own, carrier, resumable: false, suites: DEFAULT_SUITES, trust })
    return () => session.close()
  }
}

async function ports(folder: string, name: string, keyProcessPath: string): Promise<SessionPorts> {
  const identity = { vault: `${folder}/${name}.json`, keyFile: `${folder}/${name}.key` }
  const { signer } = await openIdentity(identity, { keyProcessPath, log: silentLog, create: 'ML-DSA-87' })
  const batches = new BatchSigner(signer, { lanes: signer.lanes })
  const sink = { append: async () => {} }
  return { identity: { signer, batches, name }, sink, observer: {}, clock: systemClock, log: silentLog }
}
