import type { Question } from '../../evidence/expectations.ts'
import type { Statement } from '../../evidence/types.ts'
import { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { OutgoingContext } from '../api.ts'

/** How far an exchange number may lie below the highest one: what a gateway has to remember of the past. */
const REACH = 65_536

/** An open exchange: its server and the digest of its request's statement. */
interface Opened {
  readonly server: string
  readonly digest: string
}

/**
 * The life of exchanges: the client opens each with one `request`; everything that the gateway says in it names that
 * request's statement; one `end` closes it. Both ends hold the rules on what they send and on what they receive.
 */
export class Exchanges {
  private readonly open = new Map<number, Opened>()
  /** The same by the digest of the request's statement. */
  private readonly questions = new Map<string, Question>()
  private readonly used = new Set<number>()
  private highest = 0

  /** How many are open. */
  get size(): number {
    return this.open.size
  }

  /** A signed request: the exchange is open. @throws SessionError alert 110 for a number that was used before */
  request(exchange: number, server: string, digest: string): void {
    if (exchange < 1 || this.used.has(exchange) || exchange <= this.highest - REACH) {
      throw new SessionError(ALERT.badStatement, 'A request reuses the number of an exchange.')
    }
    this.used.add(exchange)
    this.reopen(exchange, { server, digest })
    if (exchange > this.highest) this.forgetBelow(exchange)
  }

  /** The statement of the request was not signed: the number may be used again. */
  takeBack(exchange: number): void {
    this.used.delete(exchange)
    this.end(exchange)
  }

  /** Closes an exchange. Returns what `reopen` needs. */
  end(exchange: number): Opened | undefined {
    const opened = this.open.get(exchange)
    this.open.delete(exchange)
    if (opened !== undefined) this.questions.delete(opened.digest)
    return opened
  }

  reopen(exchange: number, opened: Opened): void {
    this.open.set(exchange, opened)
    this.questions.set(opened.digest, { server: opened.server, exchange })
  }

  /** The open request whose statement has this digest. */
  question(digest: string): Question | undefined {
    return this.questions.get(digest)
  }

  /** What this end is about to sign: the peer would end the session over it. @throws CountersignError `context-refused` */
  checkSending({ kind, exchange, server, req }: OutgoingContext): void {
    if (kind === 'request') return
    const opened = this.open.get(exchange)
    if (
      kind === 'cancel' &&
      this.begun(exchange) &&
      (req === undefined || opened === undefined || opened.digest === req)
    )
      return
    if (kind !== 'cancel' && opened !== undefined && opened.digest === req && opened.server === server) return
    throw new CountersignError('context-refused', 'A context names no request of its exchange that was sent.')
  }

  /** A verified statement of the peer. @throws SessionError alert 110 */
  received({ kind, exchange, server, req }: Statement, digest: string): void {
    switch (kind) {
      case 'request':
        return this.request(exchange, server, digest)
      case 'cancel':
        return this.cancelled(exchange, req)
      case 'close':
        return
      case 'head':
      case 'response':
      case 'event':
      case 'end':
        if (req === undefined || this.open.get(exchange)?.digest !== req) {
          throw new SessionError(ALERT.badStatement, 'A statement answers no open request of its exchange.')
        }
        if (kind === 'end') this.end(exchange)
    }
  }

  private cancelled(exchange: number, req: string | undefined): void {
    const opened = this.open.get(exchange)
    // It may cross the end of its exchange, so only a number that was never used is wrong, or another request's.
    if (this.begun(exchange) && (opened === undefined || req === undefined || opened.digest === req)) return
    throw new SessionError(ALERT.badStatement, 'A statement cancels an exchange that was never begun.')
  }

  private begun(exchange: number): boolean {
    return this.used.has(exchange) || (exchange >= 1 && exchange <= this.highest - REACH)
  }

  private forgetBelow(highest: number): void {
    const from = Math.max(1, this.highest - REACH)
    const to = highest - REACH
    this.highest = highest
    // A peer may jump ahead by 2^53: then what is kept is walked, not the numbers between.
    if (to - from > this.used.size) {
      for (const number of this.used) if (number <= to) this.used.delete(number)
    } else {
      for (let number = from; number <= to; number++) this.used.delete(number)
    }
  }
}
