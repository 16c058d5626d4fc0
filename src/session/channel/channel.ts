import type { Role } from '../../contracts/signInput.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { EpochSecrets, TrafficKeys } from '../handshake/keySchedule.ts'
import { OpeningDirection, SealingDirection } from './protection.ts'
import { epochOf, RECORD } from './record.ts'

/**
 * Sealed records over one carrier. Each direction has its own epoch: a rekey switches them one after the other, and the
 * keys of a direction are gone with its switch.
 */
export class Channel {
  private readonly carrier: Carrier
  private sealing: SealingDirection
  private opening: OpeningDirection
  /** The gateway's next epoch, which begins with its EpochStart: until then its records may be of either. */
  private coming: OpeningDirection | undefined
  private wiped = false

  constructor(carrier: Carrier, secrets: Pick<EpochSecrets, 'client' | 'server'>, role: Role) {
    this.carrier = carrier
    const [own, theirs] = role === 'client' ? [secrets.client, secrets.server] : [secrets.server, secrets.client]
    this.sealing = new SealingDirection(own, 0)
    this.opening = new OpeningDirection(theirs, 0)
  }

  /** Seals at once, so that records leave in the order of calls; resolves when the carrier can take more. */
  async send(type: number, payload: Uint8Array): Promise<void> {
    if (this.wiped) throw new SessionError(ALERT.close, 'The connection is closed.', { code: 'session-closed' })
    await this.carrier.send(this.sealing.seal(type, payload))
  }

  /** @throws SessionError alert 10, 20, 22 or 114: the connection has to end */
  open(frame: Uint8Array): { readonly type: number; readonly payload: Uint8Array } {
    const next = this.coming
    if (next === undefined || epochOf(frame) !== next.epoch) return this.opening.open(frame)
    const record = next.open(frame)
    if (record.type !== RECORD.EpochStart) {
      throw new SessionError(ALERT.unexpectedMessage, 'An epoch of the gateway begins without its EpochStart.')
    }
    this.opening.wipe()
    this.opening = next
    this.coming = undefined
    return record
  }

  /** The epoch of what is opened. */
  get openingEpoch(): number {
    return this.opening.epoch
  }

  /** What is sealed from here on is of the next epoch; the keys before are wiped. */
  switchSealing(keys: TrafficKeys): void {
    const before = this.sealing
    this.sealing = new SealingDirection(keys, before.epoch + 1)
    before.wipe()
  }

  /** What is opened from here on is of the next epoch and no other. */
  switchOpening(keys: TrafficKeys): void {
    const before = this.opening
    this.opening = new OpeningDirection(keys, before.epoch + 1)
    before.wipe()
  }

  /** The peer may begin its next epoch with an EpochStart; until it does, its old one holds. */
  expectEpoch(keys: TrafficKeys): void {
    this.coming = new OpeningDirection(keys, this.opening.epoch + 1)
  }

  /** After this nothing can be sealed or opened. */
  wipe(): void {
    this.wiped = true
    this.sealing.wipe()
    this.opening.wipe()
    this.coming?.wipe()
  }
}
