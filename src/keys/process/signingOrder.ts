import { encodeBase64url } from '../../crypto/encoding.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** Two for each of 16 lanes, and as many again. What is forgotten is refused. */
const REMEMBERED = 64

/**
 * A batch may be asked for while the one that it names as history is still being signed. It is signed after that one, and
 * never without it: should that one fail, its sequences are used again by other statements, and a signature over what
 * followed would be a second history of this key.
 */
export class SigningOrder {
  /** By root, the latest last: whether it was signed. */
  private readonly outcomes = new Map<string, Promise<boolean>>()

  /**
   * @param behind root of the batch that has to be signed first
   * @throws CountersignError `predecessor-unsigned` where that one failed or was not asked for before; what `sign` throws
   */
  run<T>(root: Uint8Array, behind: Uint8Array | undefined, sign: () => Promise<T>): Promise<T> {
    const signing = behind === undefined ? sign() : this.signBehind(encodeBase64url(behind), sign)
    this.remember(encodeBase64url(root), signing)
    return signing
  }

  private async signBehind<T>(behind: string, sign: () => Promise<T>): Promise<T> {
    if (await this.outcomes.get(behind)) return sign()
    const sentence = said('The batch before this one was not signed, so this one was not signed either.')
    throw new CountersignError('predecessor-unsigned', sentence)
  }

  private remember(root: string, signing: Promise<unknown>): void {
    const outcome = signing.then(
      () => true,
      () => false,
    )
    this.outcomes.delete(root)
    this.outcomes.set(root, outcome)
    const [oldest] = this.outcomes.keys()
    if (this.outcomes.size > REMEMBERED && oldest !== undefined) this.outcomes.delete(oldest)
  }
}
