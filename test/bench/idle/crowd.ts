import type { ChainFolder } from '../../fakes/chainFolder.ts'
import { End } from '../handshakes/pairs.ts'
import { residentBytes } from '../processes.ts'

/** A gateway with as many idle sessions, all of one client. */
export interface Crowd {
  readonly pid: number
  readonly sessions: number
  /** Resident bytes of the gateway with one session, and with all. */
  readonly alone: number
  readonly full: number
  close(): void
}

/** Time for what the handshakes left to be collected, if it is. */
const SETTLE = 5_000

export async function openCrowd(folder: ChainFolder, root: string, sessions: number): Promise<Crowd> {
  const identity = await folder.vaultIdentity('crowd-key')
  const { process, url } = await folder.gateway('crowd', {
    identity: identity.config,
    clients: 'enroll',
    // What is measured is what sessions hold, not how fast they may come.
    handshakes: { perAddress: 1000, total: 1000 },
    sessions: { perClient: 10_000, total: 10_000 },
    servers: { none: { url: 'http://127.0.0.1:9/mcp' } },
  })
  const client = new End(root, globalThis.process.execPath)
  await client.ask({ ask: 'client', folder: folder.path, keyProcess: `${root}dist/keyProcess.js`, url })
  await client.ask({ ask: 'keep', count: 1, inFlight: 1 })
  const alone = residentBytes(process.pid)
  await client.ask({ ask: 'keep', count: sessions - 1, inFlight: 16 })
  await new Promise((resolve) => setTimeout(resolve, SETTLE))
  return { pid: process.pid, sessions, alone, full: residentBytes(process.pid), close: () => client.close() }
}
