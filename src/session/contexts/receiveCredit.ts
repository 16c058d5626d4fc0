import { ALERT, SessionError } from '../alerts.ts'
import type { Window } from './messages.ts'
import { NO_EXCHANGE } from './outgoing.ts'

interface Debt {
  /** Charged and not returned. */
  charged: number
  /** Of it, what could be returned and waits for the next Window. */
  ready: number
  /** Of complete contexts that the consumer has not taken yet. */
  backlog: number
}

const noDebt = (): Debt => ({ charged: 0, ready: 0, backlog: 0 })

/**
 * Credit that this end granted and what became of it. An exchange's bytes are given back as they arrive while its consumer
 * keeps up (less than one credit of complete contexts waits), so that a context larger than the credit can pass; else when
 * the consumer has taken them. The session's are given back when a context is delivered or dropped: they are memory.
 */
export class ReceiveCredits {
  private readonly sessionLimit: number
  private readonly exchangeLimit: number
  private readonly onUrgent: () => void
  private session = noDebt()
  /** Of a `close`, which belongs to no exchange and is the last. */
  private closing = noDebt()
  private readonly exchanges = new Map<number, Debt>()
  private readonly due = new Set<number>()

  /** @param onUrgent so much is ready to be returned that the peer may stand still: call `windows` now, not with the next Ack */
  constructor(sessionLimit: number, exchangeLimit: number, onUrgent: () => void) {
    this.sessionLimit = sessionLimit
    this.exchangeLimit = exchangeLimit
    this.onUrgent = onUrgent
  }

  /**
   * A connection is lost: what was not verified comes again and is charged then; what waits for its consumer stays charged
   * to the session. Returns that: the bytes of it.
   */
  restart(): number {
    this.due.clear()
    this.closing = noDebt()
    let held = 0
    for (const [exchange, debt] of this.exchanges) {
      held += debt.backlog
      this.exchanges.set(exchange, { charged: 0, ready: 0, backlog: debt.backlog })
      if (debt.backlog === 0) this.exchanges.delete(exchange)
    }
    this.session = { charged: held, ready: 0, backlog: 0 }
    return held
  }

  /**
   * @param resent it comes again after a resume: it had its exchange's credit once, and must not wait for it behind others
   * @throws SessionError alert 115: the peer sent more than it had credit for
   */
  charge(exchange: number, bytes: number, resent = false): void {
    this.session.charged += bytes
    if (resent) return this.check(this.session.charged, this.sessionLimit)
    const debt = exchange === NO_EXCHANGE ? this.closing : (this.exchanges.get(exchange) ?? noDebt())
    if (exchange !== NO_EXCHANGE) this.exchanges.set(exchange, debt)
    debt.charged += bytes
    // What is ready and not yet told still counts as charged: both ends must count the same.
    this.check(debt.charged, this.exchangeLimit)
    this.check(this.session.charged, this.sessionLimit)
    if (exchange !== NO_EXCHANGE) this.settle(exchange, debt)
  }

  /** A context of this size is complete and waits for its consumer. */
  queued(exchange: number, bytes: number): void {
    if (exchange === NO_EXCHANGE) return
    const debt = this.exchanges.get(exchange) ?? noDebt()
    debt.backlog += bytes
    this.exchanges.set(exchange, debt)
  }

  /** The consumer took it, or it was dropped: its memory is free. */
  delivered(exchange: number, bytes: number): void {
    this.dropped(exchange, bytes, bytes)
  }

  /** Bytes of a body that no statement will name. */
  dropped(exchange: number, bytes: number, backlog = 0): void {
    this.session.ready += bytes
    this.due.add(NO_EXCHANGE)
    const debt = this.exchanges.get(exchange)
    if (debt !== undefined) {
      debt.backlog -= backlog
      this.settle(exchange, debt)
    }
    if (this.session.ready >= this.sessionLimit / 4) this.onUrgent()
  }

  /** Whether there is anything to return. */
  get pending(): boolean {
    return this.due.size > 0
  }

  /** Takes what is to be returned, at most `limit` entries. */
  windows(limit: number): Window[] {
    const taken: Window[] = []
    for (const exchange of this.due) {
      if (taken.length === limit) break
      this.due.delete(exchange)
      const debt = exchange === NO_EXCHANGE ? this.session : this.exchanges.get(exchange)
      if (debt === undefined || debt.ready === 0) continue
      taken.push({ exchange, bytes: debt.ready })
      debt.charged -= debt.ready
      debt.ready = 0
      if (exchange !== NO_EXCHANGE) this.forget(exchange, debt)
    }
    return taken
  }

  private check(charged: number, limit: number): void {
    if (charged > limit) throw new SessionError(ALERT.limit, 'The other end sent more than it had credit for.')
  }

  private settle(exchange: number, debt: Debt): void {
    if (debt.backlog < this.exchangeLimit && debt.charged > debt.ready) {
      debt.ready = debt.charged
      this.due.add(exchange)
      if (debt.ready >= this.exchangeLimit / 4) this.onUrgent()
    }
    this.forget(exchange, debt)
  }

  private forget(exchange: number, debt: Debt): void {
    if (debt.charged === 0 && debt.backlog === 0) this.exchanges.delete(exchange)
  }
}
