import { Buffer } from 'node:buffer'
import type { CustodyFacts } from '../../../contracts/keyFacts.ts'
import { type SignatureAlgorithm, SIGNATURE_LENGTHS } from '../../../crypto/signature.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import type { HeldKey } from '../keyTable.ts'
import type { Proof } from '../proof.ts'
import { CKF } from './constants.ts'
import { tokenError } from './errors.ts'
import type { Library } from './library.ts'
import { isStale, type SessionPool } from './sessions.ts'
import { type Slot, tokenIn } from './slots.ts'

export interface TokenKeyParts {
  readonly library: Library
  readonly pool: SessionPool
  readonly slot: Slot
  readonly proof: Proof
  /** CK_OBJECT_HANDLE of the private key. */
  readonly object: Buffer
  /** CKM_ML_DSA, or the vendor's number. */
  readonly mechanism: number
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly facts: CustodyFacts
}

/** A private key in a token: a handle here, and never anything else. */
export class TokenKey implements HeldKey {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly facts: CustodyFacts
  readonly slot: number
  readonly proof: Proof
  private readonly parts: TokenKeyParts
  /** Of the pool, when the object was found. */
  private readonly life: number

  constructor(parts: TokenKeyParts) {
    this.algorithm = parts.algorithm
    this.publicKey = parts.publicKey
    this.facts = parts.facts
    this.slot = parts.slot.id
    this.proof = parts.proof
    this.parts = parts
    this.life = parts.pool.life
  }

  /**
   * C_SignInit and C_Sign with a null parameter: pure ML-DSA, empty context, hedged (PKCS#11 v3.2, section 6.67.5; FIPS
   * 204, algorithm 2).
   * @throws CountersignError `key-missing` where the token ended the sessions since: the key is to be looked for again.
   */
  async sign(message: Uint8Array): Promise<Uint8Array> {
    const { library, pool, object, mechanism } = this.parts
    // pkcs11js does not keep these alive while its thread works on them; they are used again after the call.
    const data = Buffer.from(message)
    const out = Buffer.alloc(SIGNATURE_LENGTHS[this.algorithm].signature)
    try {
      const signature = await pool.once((session) => {
        // Asked here and not before: the life may have ended while this waited for a session.
        if (pool.life !== this.life) throw gone()
        library.module.C_SignInit(session, { mechanism }, object)
        return library.threaded
          ? library.module.C_SignAsync(session, data, out)
          : library.module.C_Sign(session, data, out)
      })
      if (signature.length !== out.length || data.length !== message.length) {
        throw new CountersignError(
          'pkcs11',
          said`The token returned ${signature.length} bytes as ${this.algorithm} signature.`,
        )
      }
      return new Uint8Array(signature)
    } catch (thrown) {
      if (isStale(thrown)) throw gone(thrown)
      throw this.explained(tokenError(thrown, 'C_Sign'))
    }
  }

  dispose(): void {
    // The token keeps the key; a handle holds nothing.
  }

  /** Modules answer a signature without a login with whatever they like (NSS: CKR_HOST_MEMORY): ask who is logged in. */
  private explained(error: CountersignError): CountersignError {
    if (error.code !== 'pkcs11') return error
    const { library, pool, slot } = this.parts
    try {
      const flags = tokenIn(library.module, slot)?.flags ?? 0
      if ((flags & CKF.LOGIN_REQUIRED) === 0 || pool.loggedIn()) return error
      return new CountersignError('pin-needed', 'The token is locked. Enter its PIN.', { cause: error.cause })
    } catch (thrown) {
      return tokenError(thrown, 'C_GetSessionInfo')
    }
  }
}

function gone(cause?: unknown): CountersignError {
  const sentence = said('The token ended the sessions in which the key was opened. Open it again.')
  return new CountersignError('key-missing', sentence, { cause })
}
