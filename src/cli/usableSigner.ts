import type { SignInput } from '../contracts/signInput.ts'
import type { BatchTurn, Signer } from '../keys/signer.ts'
import type { Clock } from '../support/clock.ts'
import { assertUsable, type KeyLife, type KeyRing } from '../trust/keyRing.ts'

/** How old what is known of the key's life may be, in milliseconds of the monotonic clock. */
const LOOK_AGAIN = 10_000

/** A signer that signs nothing more when its key is retired or revoked, also where that happens while the process runs. */
export class UsableSigner implements Signer {
  readonly kid: string
  readonly algorithm: Signer['algorithm']
  readonly publicKey: Uint8Array
  readonly custody: Signer['custody']
  readonly description: string
  private readonly signer: Signer
  private readonly ring: KeyRing
  private readonly clock: Clock
  private life: KeyLife | undefined
  private lookedAt = Number.NEGATIVE_INFINITY

  constructor(signer: Signer, ring: KeyRing, clock: Clock) {
    const { kid, algorithm, publicKey, custody, description } = signer
    this.kid = kid
    this.algorithm = algorithm
    this.publicKey = publicKey
    this.custody = custody
    this.description = description
    this.signer = signer
    this.ring = ring
    this.clock = clock
  }

  /** @throws CountersignError `key-planned`, `key-retired`, `key-revoked`, `file-unreadable`, `file-permissions` */
  async check(): Promise<void> {
    const now = this.clock.monotonic()
    if (now - this.lookedAt >= LOOK_AGAIN) {
      this.life = await this.ring.find(this.kid)
      this.lookedAt = now
    }
    assertUsable(this.life, this.clock.now())
  }

  async sign(input: SignInput, signal?: AbortSignal, batch?: BatchTurn): Promise<Uint8Array> {
    await this.check()
    return await this.signer.sign(input, signal, batch)
  }
}
