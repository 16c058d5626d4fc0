import { encapsulateHybrid } from '../../crypto/suite.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { RECORD } from '../channel/record.ts'
import { type EpochSecrets, nextEpoch } from '../handshake/keySchedule.ts'
import { clientHash, gatewayHash, rekeyHash } from './hash.ts'
import { encodeEpochStart, encodeRekeyAck, parseRekeyDone, parseRekeyInit, unsignedAck } from './messages.ts'
import { outOfTurn, Rekey } from './rekey.ts'

interface Answered {
  readonly secrets: EpochSecrets
  readonly rk: Uint8Array
  readonly signature: Uint8Array
}

/**
 * The gateway's rekey: idle -RekeyInit-> answering -RekeyAck-> answered -RekeyDone-> checking -EpochStart-> idle. It takes
 * records of the new epoch only after it verified RekeyDone, and from then on none of the old one.
 */
export class GatewayRekey extends Rekey {
  private state: 'idle' | 'answering' | 'answered' | 'checking' = 'idle'
  private startedAt = 0
  private answered: Answered | undefined

  traffic(): void {
    if (!this.options.use.overdue) return
    throw new SessionError(ALERT.rekeyRequired, 'The client did not rekey in time.')
  }

  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.RekeyInit) this.onInit(payload)
    else if (type === RECORD.RekeyDone) this.onDone(payload)
    else if (type === RECORD.RekeyAck || type === RECORD.EpochStart) throw outOfTurn()
    else return false
    return true
  }

  override end(): void {
    super.end()
    if (this.answered !== undefined) this.discard(this.answered.secrets)
  }

  private onInit(payload: Uint8Array): void {
    const { suite, use, clock } = this.options
    const init = parseRekeyInit(payload, suite)
    if (this.state !== 'idle' || init.epoch !== this.epoch + 1) throw outOfTurn()
    if (!use.renewable) throw new SessionError(ALERT.limit, 'The client rekeys too often.')
    this.state = 'answering'
    this.startedAt = clock.monotonic()
    this.guarded(this.answer(payload, init.kemKey, init.share))
  }

  private async answer(init: Uint8Array, kemKey: Uint8Array, share: Uint8Array): Promise<void> {
    const { suite, self, channel } = this.options
    const own = await encapsulateHybrid(suite, kemKey, share)
    const rk = rekeyHash(this.binding(), init, unsignedAck(own))
    const secrets = nextEpoch(this.secrets.master, rk, own.secret)
    try {
      const signature = await this.sign('server', gatewayHash(rk, self))
      if (this.over) throw new SessionError(ALERT.close, 'The connection is closed.', { code: 'session-closed' })
      this.answered = { secrets, rk, signature }
      this.state = 'answered'
      await channel.send(RECORD.RekeyAck, encodeRekeyAck({ ...own, signature }))
    } catch (error) {
      if (this.answered === undefined) this.discard(secrets)
      throw error
    }
  }

  private onDone(payload: Uint8Array): void {
    const { peer, hold } = this.options
    const signature = parseRekeyDone(payload, peer)
    const { answered } = this
    if (this.state !== 'answered' || answered === undefined) throw outOfTurn()
    this.state = 'checking'
    // What comes behind it is of the new epoch, and that does not exist before this signature was verified.
    hold(true)
    this.guarded(this.finish(answered, signature))
  }

  private async finish({ secrets, rk, signature }: Answered, done: Uint8Array): Promise<void> {
    const { peer, channel, use, clock, hold } = this.options
    await this.verify('client', clientHash(rk, signature, peer), done)
    if (this.over) return
    this.answered = undefined
    this.state = 'idle'
    channel.switchOpening(secrets.client)
    channel.switchSealing(secrets.server)
    use.renew()
    const leaving = channel.send(RECORD.EpochStart, encodeEpochStart(this.epoch + 1))
    this.enter(secrets, rk, clock.monotonic() - this.startedAt, 'peer')
    hold(false)
    await leaving
  }

  private guarded(step: Promise<void>): void {
    step.catch((error: unknown) => {
      if (!this.over) this.options.fail(error)
    })
  }
}
