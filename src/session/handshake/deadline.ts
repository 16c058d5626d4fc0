import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** Time that a handshake may take. It stands still while a person is asked: nobody reads a fingerprint in ten seconds. */
export class Deadline {
  readonly signal: AbortSignal
  private readonly controller = new AbortController()
  private left: number
  private startedAt = 0
  private timer: NodeJS.Timeout | undefined
  private readonly outer: AbortSignal | undefined
  private readonly onOuter = (): void => {
    this.controller.abort(new CountersignError('cancelled', 'The connection attempt was cancelled.'))
  }

  /** @param milliseconds until `signal` aborts with `handshake-timeout` */
  constructor(milliseconds: number, outer?: AbortSignal) {
    this.left = milliseconds
    this.signal = this.controller.signal
    this.outer = outer
    if (outer?.aborted === true) this.onOuter()
    outer?.addEventListener('abort', this.onOuter, { once: true })
    this.start()
  }

  /** Runs something that does not count. */
  async excluding<T>(wait: () => Promise<T>): Promise<T> {
    clearTimeout(this.timer)
    this.left -= performance.now() - this.startedAt
    try {
      return await wait()
    } finally {
      this.start()
    }
  }

  dispose(): void {
    clearTimeout(this.timer)
    this.outer?.removeEventListener('abort', this.onOuter)
  }

  private start(): void {
    if (this.signal.aborted) return
    this.startedAt = performance.now()
    this.timer = setTimeout(
      () => {
        const sentence = said('The handshake took too long: the other end, or the signing key, did not answer in time.')
        this.controller.abort(new CountersignError('handshake-timeout', sentence))
      },
      Math.max(0, this.left),
    )
  }
}
