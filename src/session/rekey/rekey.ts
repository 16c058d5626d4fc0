import type { SignInput } from '../../contracts/signInput.ts'
import { secretConcat, wipe } from '../../crypto/random.ts'
import { verifySignature } from '../../crypto/signature.ts'
import type { SuiteName } from '../../crypto/suite.ts'
import { signingInput } from '../../evidence/signingInput.ts'
import type { Clock } from '../../support/clock.ts'
import { toCountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { EpochReport, PeerIdentity } from '../api.ts'
import type { Channel } from '../channel/channel.ts'
import { type EpochSecrets, wipeKeys } from '../handshake/keySchedule.ts'
import type { SessionIdentity } from '../ports.ts'
import type { ResumptionSecret } from '../resume/offer.ts'
import type { EpochUse, RekeyCause } from './epochUse.ts'
import type { RekeyBinding } from './hash.ts'

export interface RekeyOptions {
  readonly suite: SuiteName
  readonly sid: Uint8Array
  readonly conn: Uint8Array
  /** th(CF) of this connection, 48 bytes. */
  readonly transcript: Uint8Array
  /** Of epoch 0; taken over, and wiped when it ends. */
  readonly secrets: EpochSecrets
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  readonly identity: SessionIdentity
  readonly channel: Channel
  readonly use: EpochUse
  readonly clock: Clock
  /** Ends the connection. */
  readonly fail: (error: unknown) => void
  /** While held, no further record of the peer is opened. */
  readonly hold: (held: boolean) => void
  readonly begun: (report: Omit<EpochReport, 'sid' | 'conn'>) => void
}

/** The epochs of one connection: which one it is, its secrets, and how it ends. The two roles differ in who speaks when. */
export abstract class Rekey {
  protected readonly options: RekeyOptions
  protected secrets: EpochSecrets
  protected transcript: Uint8Array
  protected epoch = 0
  protected over = false

  constructor(options: RekeyOptions) {
    this.options = options
    this.secrets = options.secrets
    this.transcript = options.transcript
  }

  /** Whether the record was one of a rekey. @throws SessionError alert 10 for one out of turn, 21, 51, 115 */
  abstract onRecord(type: number, payload: Uint8Array): boolean
  /** Contexts went out or came in. @throws SessionError alert 114 at the gateway: the client should have rekeyed */
  abstract traffic(): void

  /** What a resume of this connection's session proves itself with. The caller owns and wipes the copies. */
  resumption(): ResumptionSecret[] {
    return [{ epoch: this.epoch, secret: secretConcat(this.secrets.resumption) }]
  }

  /** The connection is over. The traffic keys belong to the channel. */
  end(): void {
    this.over = true
    wipe(this.secrets.master, this.secrets.resumption)
  }

  protected binding(): RekeyBinding {
    const { sid, conn, suite } = this.options
    return { sid, conn, transcript: this.transcript, epoch: this.epoch + 1, suite }
  }

  /**
   * Tried twice, as batches are: a key process that dies in between costs the connection nothing.
   * @throws SessionError alert 113, whatever was the matter: it costs the connection, and not the session
   */
  protected async sign(role: 'client' | 'server', hash: Uint8Array): Promise<Uint8Array> {
    const { suite, identity } = this.options
    const input = { kind: 'rekey', role, suite, hash } as const
    const attempt = (): Promise<Uint8Array> => identity.batches.sign(input)
    try {
      return await attempt().catch(async (error: unknown) => {
        if (this.over) throw error
        return await attempt()
      })
    } catch (cause) {
      throw new SessionError(ALERT.signerUnavailable, toCountersignError(cause).sentence, { cause })
    }
  }

  /** @throws SessionError alert 51 */
  protected async verify(role: 'client' | 'server', hash: Uint8Array, signature: Uint8Array): Promise<void> {
    const { peer, suite } = this.options
    const input: SignInput = { kind: 'rekey', role, suite, hash }
    const { bytes } = signingInput(input, peer)
    if (await verifySignature(peer.algorithm, peer.publicKey, bytes, signature)) return
    throw new SessionError(ALERT.badSignature, 'The signature of a rekey does not hold.')
  }

  /** Both directions are on the new keys: what led to them is forgotten, and with it all that the old epoch carried. */
  protected enter(secrets: EpochSecrets, rk: Uint8Array, took: number, cause: RekeyCause | 'peer'): void {
    wipe(this.secrets.master, this.secrets.resumption)
    this.secrets = secrets
    this.transcript = rk
    this.epoch += 1
    this.options.begun({ epoch: this.epoch, at: this.options.clock.now(), took, cause })
  }

  /** A rekey that came to nothing. */
  protected discard(secrets: EpochSecrets): void {
    wipe(secrets.master, secrets.resumption)
    wipeKeys(secrets.client)
    wipeKeys(secrets.server)
  }
}

export function outOfTurn(): SessionError {
  return new SessionError(ALERT.unexpectedMessage, 'A record of a rekey came out of turn.')
}
