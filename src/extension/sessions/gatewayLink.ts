import type { ExchangeClient } from '../../mcp/exchange/client.ts'
import type { Session } from '../../session/api.ts'
import type { SessionRecorder } from '../evidence/sessionRecorder.ts'
import type { Connections } from './connections.ts'
import type { GatewayConnection, Link } from './gatewayConnection.ts'

/** A session to a gateway with what the editor built on it. */
export interface GatewayLink extends Link {
  readonly session: Session
  readonly exchanges: ExchangeClient
  readonly recorder: SessionRecorder
  /** For people: an address, or the command. */
  readonly address: string
}

export type Gateway = GatewayConnection<GatewayLink>
export type Gateways = Connections<GatewayLink>
