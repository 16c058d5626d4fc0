import { secretConcat, wipe } from '../../crypto/random.ts'
import { generateHybridKey, type HybridKey } from '../../crypto/suite.ts'
import { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { RECORD } from '../channel/record.ts'
import { type EpochSecrets, nextEpoch } from '../handshake/keySchedule.ts'
import { REKEY_TIMEOUT } from '../limits.ts'
import type { ResumptionSecret } from '../resume/offer.ts'
import type { RekeyCause } from './epochUse.ts'
import { clientHash, gatewayHash, rekeyHash } from './hash.ts'
import { encodeRekeyDone, encodeRekeyInit, parseEpochStart, parseRekeyAck, unsignedAck } from './messages.ts'
import { outOfTurn, Rekey } from './rekey.ts'

interface Under {
  readonly cause: RekeyCause
  readonly startedAt: number
  readonly timer: NodeJS.Timeout
  /** Until the RekeyAck came; undefined where none will come. */
  readonly onAck: (payload: Uint8Array | undefined) => void
  acked: boolean
  /** From RekeyDone until the gateway's EpochStart: the secrets that it begins. */
  next?: { readonly secrets: EpochSecrets; readonly rk: Uint8Array }
}

/**
 * The client's rekey: idle -RekeyInit-> asking -RekeyAck-> proving -RekeyDone-> waiting -EpochStart-> idle. Data flows
 * meanwhile: in the old epoch until RekeyDone leaves, in the new one right behind it.
 */
export class ClientRekey extends Rekey {
  private under: Under | undefined

  /** With traffic and only with traffic: an idle session signs nothing. */
  traffic(): void {
    const cause = this.options.use.spent
    if (cause === undefined || this.under !== undefined || this.over) return
    this.begin(cause)
  }

  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.RekeyAck) {
      if (this.under === undefined || this.under.acked) throw outOfTurn()
      this.under.acked = true
      this.under.onAck(payload)
    } else if (type === RECORD.EpochStart) this.onEpochStart(payload)
    else if (type === RECORD.RekeyInit || type === RECORD.RekeyDone) throw outOfTurn()
    else return false
    return true
  }

  /** Lost between RekeyDone and EpochStart nobody here can know which epoch the gateway is in: then there are two. */
  override resumption(): ResumptionSecret[] {
    const next = this.under?.next
    if (next === undefined) return super.resumption()
    return [...super.resumption(), { epoch: this.epoch + 1, secret: secretConcat(next.secrets.resumption) }]
  }

  override end(): void {
    super.end()
    clearTimeout(this.under?.timer)
    // Who waits for it holds a private key, and wipes it only when the wait is over.
    this.under?.onAck(undefined)
    if (this.under?.next !== undefined) this.discard(this.under.next.secrets)
  }

  private begin(cause: RekeyCause): void {
    const timer = setTimeout(() => {
      this.options.fail(new CountersignError('session-closed', 'The gateway did not answer a rekey in time.'))
    }, REKEY_TIMEOUT)
    const acked = new Promise<Uint8Array | undefined>((onAck) => {
      this.under = { cause, startedAt: this.options.clock.monotonic(), timer: timer.unref(), onAck, acked: false }
    })
    this.run(acked).catch((error: unknown) => {
      if (!this.over) this.options.fail(error)
    })
  }

  private async run(acked: Promise<Uint8Array | undefined>): Promise<void> {
    const { suite, channel } = this.options
    const key = await generateHybridKey(suite)
    try {
      const init = encodeRekeyInit({ epoch: this.epoch + 1, kemKey: key.kemKey, share: key.share })
      await channel.send(RECORD.RekeyInit, init)
      const ack = await acked
      if (ack !== undefined) await this.prove(key, init, ack)
    } finally {
      key.wipe()
    }
  }

  private async prove(key: HybridKey, init: Uint8Array, payload: Uint8Array): Promise<void> {
    const { suite, channel, self, peer, use } = this.options
    const ack = parseRekeyAck(payload, suite, peer)
    const rk = rekeyHash(this.binding(), init, unsignedAck(ack))
    await this.verify('server', gatewayHash(rk, peer), ack.signature)
    const signature = await this.sign('client', clientHash(rk, ack.signature, self))
    const shared = await key.combine(ack.ciphertext, ack.share)
    const { under } = this
    if (this.over || under === undefined) return wipe(shared)
    const secrets = nextEpoch(this.secrets.master, rk, shared)
    under.next = { secrets, rk }
    // In one turn: a record between RekeyDone and the switch would be one that the gateway refuses.
    const leaving = channel.send(RECORD.RekeyDone, encodeRekeyDone(signature))
    channel.switchSealing(secrets.client)
    channel.expectEpoch(secrets.server)
    use.renew()
    await leaving
  }

  private onEpochStart(payload: Uint8Array): void {
    const { under } = this
    const epoch = parseEpochStart(payload)
    // The channel takes it as the first record of its epoch only; here it could still be one more record of an epoch.
    if (under?.next === undefined || this.options.channel.openingEpoch !== this.epoch + 1) throw outOfTurn()
    if (epoch !== this.epoch + 1) throw new SessionError(ALERT.unexpectedMessage, 'The gateway began another epoch.')
    clearTimeout(under.timer)
    this.under = undefined
    const { secrets, rk } = under.next
    this.enter(secrets, rk, this.options.clock.monotonic() - under.startedAt, under.cause)
  }
}
