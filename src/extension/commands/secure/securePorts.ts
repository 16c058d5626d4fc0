import type { SigningIdentity } from '../../identity/signingIdentity.ts'
import type { Gateways } from '../../sessions/gatewayLink.ts'
import type { AgentPorts } from '../agents/agentPorts.ts'

export interface SecurePorts extends AgentPorts {
  readonly gateways: Gateways
  readonly identity: SigningIdentity
}

/** `countersign.gateways` as it is written, without one of its entries. */
export async function withoutGateway({ configuration }: SecurePorts, gateway: string): Promise<void> {
  const raw = configuration.raw('countersign.gateways')
  const entries = Object.entries(typeof raw === 'object' && raw !== null ? raw : {})
  if (!entries.some(([name]) => name === gateway)) return
  await configuration.write('countersign.gateways', Object.fromEntries(entries.filter(([name]) => name !== gateway)))
}
