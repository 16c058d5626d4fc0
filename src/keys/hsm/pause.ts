import { CountersignError } from '../../support/errors.ts'
import { cancelled } from './connection.ts'

const FIRST_MS = 100
/** Also the longest that a signature waits after a token was put back, so a person does not wonder whether it works. */
const LONGEST_MS = 2_000

/**
 * The back-off of a token that does not sign although its process lives. The second failure in a row begins it, because a
 * first one may be over at once; who comes meanwhile waits and is then signed or told why not.
 */
export class Pause {
  private failures = 0
  private until = 0

  /** Several signatures can fail of one cause: while a pause runs it is not made longer. */
  extend(): void {
    const now = performance.now()
    if (now < this.until) return
    const wait = this.failures === 0 ? 0 : Math.min(FIRST_MS * 2 ** (this.failures - 1), LONGEST_MS)
    this.failures += 1
    this.until = now + wait
  }

  /** It signed. */
  end(): void {
    this.failures = 0
    this.until = 0
  }

  /** Resolves at the end of the pause. @throws CountersignError `cancelled`, or the one that the abort was given */
  async over(signal: AbortSignal | undefined): Promise<void> {
    const left = this.until - performance.now()
    if (left <= 0) return
    if (signal?.aborted === true) throw reasonOf(signal)
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        end()
      }
      const onAbort = () => settle(() => reject(reasonOf(signal)))
      // A timer may fire a fraction of a millisecond early. A failure that comes then would not make the pause longer.
      const timer = setTimeout(() => settle(resolve), Math.ceil(left) + 1)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}

function reasonOf(signal: AbortSignal | undefined): CountersignError {
  const reason: unknown = signal?.reason
  return reason instanceof CountersignError ? reason : cancelled()
}
