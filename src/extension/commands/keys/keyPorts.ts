import type { Gateways } from '../../sessions/gatewayLink.ts'
import type { SlotPorts } from '../slotPorts.ts'

/** What the commands about a key's life need: what a key does is known to gateways. */
export interface KeyPorts extends SlotPorts {
  readonly gateways: Gateways
}
