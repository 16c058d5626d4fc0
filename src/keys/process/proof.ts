import { encodeBase64url } from '../../crypto/encoding.ts'
import { sha256 } from '../../crypto/hash.ts'
import { CountersignError } from '../../support/errors.ts'

/** How long a login says that the person is there. */
const FRESH_MS = 60_000

/**
 * When the PIN of a token, or the secret of a vault, was last proven. A transition hands an identity over for ever, so it is
 * signed right after a login only, and one login is good for one transition: without that, a thief of one unlocked minute
 * would own the identity. Both keys of the transition may sign it, they can live in the same token.
 */
export class Proof {
  private readonly now: () => number
  private at: number | undefined
  private spent: string | undefined

  /** @param now milliseconds of a clock that nobody can set back */
  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  renew(): void {
    this.at = this.now()
    this.spent = undefined
  }

  revoke(): void {
    this.at = undefined
  }

  /**
   * @param payload of the transition
   * @throws CountersignError `pin-needed` where the login is older than 60 s, or was used for another transition
   */
  spend(payload: Uint8Array): void {
    if (this.at === undefined || this.now() - this.at > FRESH_MS) {
      throw new CountersignError('pin-needed', 'A change of keys needs the PIN anew: unlock again, then repeat it.')
    }
    const name = encodeBase64url(sha256(payload))
    if (this.spent !== undefined && this.spent !== name) {
      throw new CountersignError('pin-needed', 'One login is good for one change of keys. Unlock again for another.')
    }
    this.spent = name
  }
}
