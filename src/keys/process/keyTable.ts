import type { CustodyFacts } from '../../contracts/keyFacts.ts'
import type { Result } from '../../contracts/keyProcess.ts'
import type { SignInput } from '../../contracts/signInput.ts'
import { thumbprint } from '../../crypto/jwk.ts'
import type { SignatureAlgorithm } from '../../crypto/signature.ts'
import { signingInput, type SigningInput, type SigningKey } from '../../evidence/signingInput.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { custodyOf } from '../hsm/custody.ts'
import type { Proof } from './proof.ts'
import { SigningOrder } from './signingOrder.ts'

/** A private key that is open in this process: `sign` takes bytes, and only the table below calls it. */
export interface HeldKey {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly facts: CustodyFacts
  /** CK_SLOT_ID of the token that has it: a logout closes the keys of one token. */
  readonly slot?: number
  /** When its token or vault was last unlocked. */
  readonly proof: Proof
  sign(message: Uint8Array): Promise<Uint8Array>
  dispose(): void
}

interface OpenKey {
  readonly held: HeldKey
  readonly signer: SigningKey
  readonly order: SigningOrder
}

/**
 * The keys that are open, by handles which mean nothing outside this process. The one way to a signature: the bytes are
 * built here, from the closed union, so whoever controls the editor cannot have bytes of its own choosing signed.
 */
export class KeyTable {
  private readonly keys = new Map<number, OpenKey>()
  private next = 1
  private readonly running = new Set<Promise<unknown>>()
  private gate: Promise<unknown> = Promise.resolve()

  add(key: HeldKey): number {
    const handle = this.next++
    const { algorithm, publicKey, facts } = key
    const signer = { kid: thumbprint(algorithm, publicKey), algorithm, custody: custodyOf(facts).custody }
    this.keys.set(handle, { held: key, signer, order: new SigningOrder() })
    return handle
  }

  /**
   * What is signed is built when it is asked for, also while a token is at work on the one before.
   * @param behind root of the batch that has to be signed first
   * @throws CountersignError `key-missing`, `pin-needed`, `predecessor-unsigned`, those of `signingInput`, those of the key
   */
  async sign(handle: number, input: SignInput, behind?: Uint8Array): Promise<Result<'sign'>> {
    const { signer, order } = this.opened(handle)
    const made = signingInput(input, signer)
    const sign = () => this.shared(() => this.signNow(handle, input.kind, made))
    return made.root === undefined ? sign() : order.run(made.root, behind, sign)
  }

  /** Runs work that needs its sessions and the login to the end: `alone` waits for it. */
  async shared<T>(work: () => Promise<T>): Promise<T> {
    await this.gate
    const working = work()
    this.running.add(working)
    try {
      return await working
    } finally {
      this.running.delete(working)
    }
  }

  /**
   * Runs `work` between two signatures: a logout in the middle of one would fail it, and the sessions that it signs in must
   * not be closed under it. What is asked for meanwhile waits.
   */
  async alone<T>(work: () => T | Promise<T>): Promise<T> {
    const before = this.gate
    let open = () => {}
    this.gate = new Promise<void>((resolve) => {
      open = resolve
    })
    try {
      await before
      await Promise.allSettled(this.running)
      return await work()
    } finally {
      open()
    }
  }

  private opened(handle: number): OpenKey {
    const opened = this.keys.get(handle)
    if (opened === undefined) throw new CountersignError('key-missing', 'The key was closed. Open it again.')
    return opened
  }

  private async signNow(handle: number, kind: SignInput['kind'], made: SigningInput): Promise<Result<'sign'>> {
    // Looked up again: it may have been closed while this waited.
    const { held: key } = this.opened(handle)
    const { bytes, jws } = made
    if (kind === 'transition') key.proof.spend(jws?.payload ?? bytes)
    const began = performance.now()
    try {
      return { signature: await key.sign(bytes), took: performance.now() - began }
    } catch (thrown) {
      // The token knows it no more: whoever opens it again gets another handle, and this one would be kept for ever.
      if (toCountersignError(thrown).code === 'key-missing') this.close((other) => other === key)
      throw thrown
    }
  }

  /** Closes the keys that `which` picks, all of them without it; vault seeds are wiped. */
  close(which: (key: HeldKey) => boolean = () => true): void {
    for (const [handle, { held }] of this.keys) {
      if (!which(held)) continue
      this.keys.delete(handle)
      held.dispose()
    }
  }
}
