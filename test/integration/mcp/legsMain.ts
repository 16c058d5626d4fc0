import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TlsOptions, type TLSSocket } from 'node:tls'
import type { Reach } from '../../../src/session/api.ts'
import { agreementOf, HttpLeg } from '../../../src/mcp/upstream/leg.ts'

// Runs under Node 24 (legs.test.ts): what TLS agrees on with servers that take one group each, and what becomes of a leg.

/** What it prints: by group or version, what was agreed on; `leg`: the reach before and behind each connection. */
export interface LegsReport {
  readonly groups: Readonly<Record<string, Reach>>
  readonly leg: readonly Reach[]
}

const { key, cert, ca }: { key: string; cert: string; ca: string } = JSON.parse(process.env['CERTIFICATE'] ?? '{}')

async function agree(options: TlsOptions): Promise<Reach> {
  const server = createServer({ key, cert, ...options }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername: 'mcp.example' })
  await once(socket, 'secureConnect')
  const reach = agreementOf(socket)
  socket.destroy()
  server.close()
  return reach
}

const seen: Record<string, Reach> = {}
for (const group of ['X25519MLKEM768', 'X25519', 'P-256', 'ffdhe2048']) seen[group] = await agree({ ecdhCurve: group })
seen['TLSv1.2'] = await agree({ maxVersion: 'TLSv1.2' })

const leg = new HttpLeg(new URL('https://mcp.example/'), false, () => {})
const reaches: Reach[] = [leg.leg.reach]
for (const reach of ['tls-mlkem', 'tls-mlkem', 'tls-classical', 'tls-mlkem'] as const) {
  leg.agreed(reach)
  reaches.push(leg.leg.reach)
}
console.log(JSON.stringify({ groups: seen, leg: reaches } satisfies LegsReport))
