import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import { silentLog } from '../../../src/support/log.ts'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import { connect, Party } from '../../fakes/party.ts'
import type { Measured, Setting } from '../measured.ts'
import { drive, percentile } from '../stats.ts'

/** A whole handshake over a loopback WebSocket, both keys in vaults in processes of their own. Both ends share this thread. */
export async function measureHandshakes({ folder }: Setting): Promise<Measured> {
  const [client, gateway] = await Promise.all([party(folder, 'client'), party(folder, 'gateway')])
  const listener = await GatewayListener.listen({
    ...gateway.ports,
    listen: 'ws://127.0.0.1:0',
    suites: DEFAULT_SUITES,
    clients: { checkClient: async () => 'accept' },
    onSession: () => {},
    // What is measured is the handshake, not the limit.
    handshakes: { perAddress: 1000, total: 1000 },
  })
  const one = async (): Promise<void> => {
    const session = await connect(client, await connectWebSocket(listener.url))
    await session.close()
  }
  await drive(10, 1, one)
  const { latencies, perSecond } = await drive(100, 1, one)
  await listener.close()
  return {
    tables: [
      {
        title: 'handshakes',
        columns: ['p50 ms', 'p99 ms', 'per second'],
        rows: [{ name: 'ours', values: [percentile(latencies, 50), percentile(latencies, 99), perSecond] }],
      },
    ],
    ratios: {},
    skipped: [],
  }
}

async function party(folder: string, name: string): Promise<Party> {
  const identity = { vault: `${folder}/${name}.json`, keyFile: `${folder}/${name}.key` }
  const keyProcessPath = `${process.env['BENCH_ROOT']}dist/keyProcess.js`
  const { signer } = await openIdentity(identity, { keyProcessPath, log: silentLog, create: 'ML-DSA-87' })
  const made = await Party.create(name.length, name)
  return Object.assign(made, { ports: { ...made.ports, identity: { signer, batches: new BatchSigner(signer), name } } })
}
