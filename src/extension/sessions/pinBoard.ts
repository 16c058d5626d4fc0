import type { PeerIdentity } from '../../session/api.ts'
import type { GatewayPins } from '../../trust/gatewayPins.ts'
import type { RememberedPeer } from '../../trust/peers.ts'

/** What is known of gateways' keys, for views: pins as last read, and the key that each gateway showed last. Decides nothing. */
export class PinBoard {
  private readonly pins: GatewayPins
  private byAddress: ReadonlyMap<string, RememberedPeer> = new Map()
  readonly offered = new Map<string, PeerIdentity>()

  constructor(pins: GatewayPins) {
    this.pins = pins
  }

  pinOf(address: string): RememberedPeer | undefined {
    return this.byAddress.get(address)
  }

  async refresh(): Promise<void> {
    const pins = await this.pins.list()
    this.byAddress = new Map(pins.flatMap((pin) => (pin.address === undefined ? [] : [[pin.address, pin] as const])))
  }
}
