import { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'

interface Waiting {
  readonly amount: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Credit that the peer granted. Whoever asked first gets it first, so that a large taker cannot be starved by small ones. */
export class SendCredit {
  private readonly limit: number
  private left: number
  private readonly queue: Waiting[] = []
  private ended: Error | undefined

  /** @param used what is taken from the start */
  constructor(limit: number, used = 0) {
    this.limit = limit
    this.left = limit - used
  }

  /** Nothing is taken and nobody waits: the object can be forgotten. */
  get idle(): boolean {
    return this.left === this.limit && this.queue.length === 0
  }

  /** Waits until `amount` is there and takes it. @throws CountersignError `cancelled`, or what `end` was given */
  async take(amount: number, signal?: AbortSignal): Promise<void> {
    if (amount > this.limit) throw new CountersignError('limit', 'A context is larger than a session can carry.')
    if (this.ended !== undefined) throw this.ended
    if (signal?.aborted === true) throw cancelled()
    if (this.queue.length === 0 && amount <= this.left) {
      this.left -= amount
      return
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => signal?.removeEventListener('abort', cancel)
      const waiting: Waiting = {
        amount,
        resolve: () => (settle(), resolve()),
        reject: (error) => (settle(), reject(error)),
      }
      const cancel = (): void => {
        this.queue.splice(this.queue.indexOf(waiting), 1)
        waiting.reject(cancelled())
        // The one behind may need less than the one that left.
        this.serve()
      }
      signal?.addEventListener('abort', cancel, { once: true })
      this.queue.push(waiting)
    })
  }

  /** Takes what must be there, ahead of whoever waits. @throws SessionError alert 115 where it is not */
  charge(amount: number): void {
    if (amount > this.left) throw new SessionError(ALERT.limit, 'The other end holds more than it was sent.')
    this.left -= amount
  }

  /** @throws SessionError alert 115 where more comes back than was taken */
  give(amount: number): void {
    if (this.left + amount > this.limit) throw new SessionError(ALERT.limit, 'More credit came back than was used.')
    this.left += amount
    this.serve()
  }

  /** Turns away whoever waits; who comes later may wait again. */
  interrupt(error: Error): void {
    for (const waiting of this.queue.splice(0)) waiting.reject(error)
  }

  end(error: Error): void {
    this.ended = error
    this.interrupt(error)
  }

  private serve(): void {
    for (let first = this.queue[0]; first !== undefined && first.amount <= this.left; first = this.queue[0]) {
      this.queue.shift()
      this.left -= first.amount
      first.resolve()
    }
  }
}

/** The credit of a session and of each of its exchanges, in the sending direction. */
export class SendCredits {
  readonly session: SendCredit
  private readonly exchangeLimit: number
  private readonly exchanges = new Map<number, SendCredit>()
  private ended: Error | undefined

  /** @param held bytes of the session that the peer's consumers have not taken yet */
  constructor(sessionLimit: number, exchangeLimit: number, held = 0) {
    this.session = new SendCredit(sessionLimit, held)
    this.exchangeLimit = exchangeLimit
  }

  async take(exchange: number, amount: number, signal?: AbortSignal): Promise<void> {
    if (this.ended !== undefined) throw this.ended
    const credit = this.exchanges.get(exchange) ?? new SendCredit(this.exchangeLimit)
    this.exchanges.set(exchange, credit)
    try {
      await credit.take(amount, signal)
    } finally {
      this.forget(exchange, credit)
    }
  }

  /** Exchange 0 stands for the session. @throws SessionError alert 115 */
  give(exchange: number, amount: number): void {
    if (exchange === 0) return this.session.give(amount)
    const credit = this.exchanges.get(exchange)
    if (credit === undefined) throw new SessionError(ALERT.limit, 'Credit came back that nobody had used.')
    credit.give(amount)
    this.forget(exchange, credit)
  }

  end(error: Error): void {
    this.ended = error
    this.session.end(error)
    for (const credit of this.exchanges.values()) credit.end(error)
  }

  /** An exchange without debts is an exchange that need not be remembered: memory does not grow with calls. */
  private forget(exchange: number, credit: SendCredit): void {
    if (credit.idle) this.exchanges.delete(exchange)
  }
}

export function cancelled(): CountersignError {
  return new CountersignError('cancelled', 'The call was cancelled before it was signed; nothing was sent.')
}
