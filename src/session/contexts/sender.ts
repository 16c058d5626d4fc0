import type { BatchSigner } from '../../keys/batchSigner.ts'
import type { SignedBatch } from '../../keys/batching.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import type { OutgoingContext, SessionObserver } from '../api.ts'
import { RECORD } from '../channel/record.ts'
import { MAX_UNACKNOWLEDGED } from '../limits.ts'
import { encodeAbort } from './messages.ts'
import { type Closing, NO_EXCHANGE, Outgoing, type StatementSource } from './outgoing.ts'
import type { Outbox } from './outbox.ts'
import { cancelled, SendCredit } from './sendCredit.ts'
import type { SendLink } from './sendLink.ts'
import { away, checkSize, interrupted, outcomeOf, unknown } from './sendEnds.ts'

export interface SenderOptions {
  readonly source: StatementSource
  readonly batches: Pick<BatchSigner, 'enqueue' | 'withdraw'>
  readonly outbox: Outbox
  readonly observer: SessionObserver
  /** Milliseconds that a context waits unsent for a lost connection; undefined where it waits as long as the session. */
  readonly patience: number | undefined
  /** A violation of the protocol by this end, or a journal that cannot be written: the session ends. */
  readonly fail: (error: Error) => void
}

/** How far a context is. `waiting` for credit or a connection, `queued` for its signature, `closed` in a batch, `signed`. */
interface Settling {
  stage: 'waiting' | 'queued' | 'closed' | 'signed'
  readonly signal: AbortSignal | undefined
  readonly resolve: (sent: { readonly digest: string }) => void
  readonly reject: (error: Error) => void
  /** It was announced to the observer as waiting for its signature. */
  pending: boolean
  /** Ends the wait for a connection. */
  unpark: (() => void) | undefined
}

/**
 * Contexts on their way out: credit, then fragments, then the signing queue, then (in the outbox) the Batch. A context
 * enters the signing queue only after its last fragment left, so a Batch follows all bodies that it names, and a body that
 * waits for credit holds up nobody's signature. When the connection is lost, what is not signed goes back to the start, and
 * what is signed stays in the outbox.
 */
export class Sender {
  private readonly options: SenderOptions
  private readonly unacknowledged = new SendCredit(MAX_UNACKNOWLEDGED)
  private readonly tails = new Map<number, Promise<void>>()
  /** In the order in which they were given. */
  private readonly settling = new Map<Outgoing, Settling>()
  private readonly idlers: (() => void)[] = []
  private readonly stillers: (() => void)[] = []
  private link: SendLink | undefined
  /** The connection on which what was kept is being sent again: contexts wait until that is done. */
  private coming: SendLink | undefined
  private closed = 0
  private over: Error | undefined
  private acknowledged = 0
  private nextRef = 0

  constructor(options: SenderOptions) {
    this.options = options
  }

  /** Resolves when every context that was taken is sent or refused. */
  async idle(): Promise<void> {
    if (this.settling.size > 0) await new Promise<void>((resolve) => this.idlers.push(resolve))
  }

  send(context: OutgoingContext | Closing, signal?: AbortSignal): Promise<{ readonly digest: string }> {
    return new Promise((resolve, reject) => {
      if (this.over !== undefined) throw new CountersignError('session-closed', 'The session is closed.')
      checkSize(context)
      const item = new Outgoing(context, this.nextRef++, this.options.source, {
        closed: (item) => this.batchClosed(item),
        signed: (item, batch, index) => this.signed(item, batch, index),
        failed: (item, error) => this.unsigned(item, error),
      })
      this.settling.set(item, { stage: 'waiting', signal, resolve, reject, pending: false, unpark: undefined })
      this.begin(item)
    })
  }

  /** The peer verified this many statements. The caller has checked the head. */
  acknowledge(seq: number): void {
    if (seq <= this.acknowledged) return
    this.unacknowledged.give(seq - this.acknowledged)
    this.acknowledged = seq
    this.options.outbox.acknowledge(seq)
  }

  /** A connection is there. What the peer has not verified of what was signed goes first, unchanged; then all that waits. */
  async resume(link: SendLink): Promise<void> {
    this.coming = link
    try {
      await this.options.outbox.resume(link)
    } catch (error) {
      return this.options.fail(toCountersignError(error))
    }
    if (this.coming !== link || link.over) return
    this.coming = undefined
    this.link = link
    for (const [item, { stage }] of Array.from(this.settling)) if (stage === 'waiting') this.begin(item)
  }

  /** The connection is lost. Resolves when nothing of this session is being signed: then its chain stands still. */
  async suspend(): Promise<void> {
    const link = this.link ?? this.coming
    this.link = undefined
    this.coming = undefined
    this.options.outbox.suspend()
    link?.end(interrupted())
    this.unacknowledged.interrupt(interrupted())
    await Promise.all(this.tails.values())
    for (const [item, settling] of Array.from(this.settling)) {
      if (settling.stage !== 'queued' || !this.options.batches.withdraw(item)) continue
      this.release(() => this.unacknowledged.give(1))
      settling.stage = 'waiting'
      this.begin(item)
    }
    // After the end nobody is told of a signature any more, and whoever waited here would wait for ever.
    if (this.closed > 0 && this.over === undefined) await new Promise<void>((resolve) => this.stillers.push(resolve))
  }

  /** Refuses further contexts and ends what waits. */
  end(error: Error): void {
    this.over = error
    const link = this.link ?? this.coming
    this.link = undefined
    this.coming = undefined
    this.options.outbox.suspend()
    link?.end(error)
    this.unacknowledged.end(error)
    for (const [item, { stage }] of Array.from(this.settling)) {
      if (stage === 'queued') this.options.batches.withdraw(item)
      this.settle(item, 'failed', item.handed ? unknown(error) : error)
    }
    for (const resolve of this.stillers.splice(0)) resolve()
  }

  /** On its way, or, without a connection, in wait of one. */
  private begin(item: Outgoing): void {
    const { link } = this
    item.restart()
    if (link === undefined) return this.park(item)
    this.settling.get(item)?.unpark?.()
    const tail = this.follow(item, link, this.tails.get(item.exchange))
    this.tails.set(item.exchange, tail)
    void tail.finally(() => {
      if (this.tails.get(item.exchange) === tail) this.tails.delete(item.exchange)
    })
  }

  /** Waits for a connection, as long as caller and patience want to. */
  private park(item: Outgoing): void {
    const settling = this.settling.get(item)
    if (settling === undefined || settling.unpark !== undefined) return
    const { signal } = settling
    const cancel = (): void => this.settle(item, 'cancelled', cancelled())
    if (signal?.aborted === true) return cancel()
    const { patience } = this.options
    const timer = patience === undefined ? undefined : setTimeout(() => this.settle(item, 'failed', away()), patience)
    signal?.addEventListener('abort', cancel, { once: true })
    settling.unpark = () => {
      settling.unpark = undefined
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** One exchange's contexts follow each other into the signing queue; those of others do not wait for them. */
  private async follow(item: Outgoing, link: SendLink, before: Promise<void> | undefined): Promise<void> {
    await before
    // Lost while it waited for its turn: it has its turn again on the next connection.
    if (link.over) return this.again(item)
    await this.transmit(item, link)
  }

  /** Never rejects: what goes wrong ends this context and lets the next one of the exchange try. */
  private async transmit(item: Outgoing, link: SendLink): Promise<void> {
    const settling = this.settling.get(item)
    if (settling === undefined) return
    const { signal } = settling
    const { credits } = link
    let reserved = 0
    try {
      // The credit for all of it before any of it: contexts that were sent in part could wait for each other for ever.
      await credits.session.take(item.cost + item.body.length, signal)
      // No acknowledgement comes on a connection that is lost: the wait for one would hold up the standstill.
      if (link.over) return this.again(item)
      reserved = 1
      await this.unacknowledged.take(1, signal)
      reserved = 2
      await link.sendBody(item, false, signal)
      if (item.exchange !== NO_EXCHANGE) await credits.take(item.exchange, item.cost, signal)
    } catch (error) {
      if (reserved > 1) this.release(() => this.unacknowledged.give(1))
      if (link.over) return this.again(item)
      if (reserved > 0) this.release(() => credits.session.give(item.cost + item.body.length - item.sent))
      return this.discard(item, link, toCountersignError(error))
    }
    if (link.over) {
      this.release(() => this.unacknowledged.give(1))
      return this.again(item)
    }
    settling.stage = 'queued'
    this.announce(item, settling)
    this.options.batches.enqueue(item, signal)
  }

  private announce({ ref, server, kind, body }: Outgoing, settling: Settling): void {
    if (settling.pending) return
    settling.pending = true
    const { observer, source } = this.options
    observer.pending?.({ ref, sid: source.sid, server, kind, body })
  }

  /** Its connection was lost before it was signed. */
  private again(item: Outgoing): void {
    if (this.over === undefined && this.settling.has(item)) this.park(item)
  }

  private batchClosed(item: Outgoing): void {
    const settling = this.settling.get(item)
    if (settling === undefined) return
    settling.stage = 'closed'
    this.closed += 1
  }

  private signed(item: Outgoing, batch: SignedBatch, index: number): void {
    const settling = this.settling.get(item)
    if (settling === undefined || this.over !== undefined) return
    this.leaveBatch(settling)
    settling.stage = 'signed'
    this.options.outbox.add({
      item,
      batch,
      index,
      sent: () => this.settle(item, 'sent'),
      failed: (error) => this.options.fail(error),
    })
  }

  /** In the signing queue: cancelled there, or the key did not sign. */
  private unsigned(item: Outgoing, error: Error): void {
    const settling = this.settling.get(item)
    if (settling === undefined || this.over !== undefined) return
    if (settling.stage === 'closed') this.leaveBatch(settling)
    this.release(() => this.unacknowledged.give(1))
    const { link } = this
    if (link === undefined) return this.settle(item, outcomeOf(error), error)
    this.release(() => {
      link.credits.session.give(item.cost + item.body.length - item.sent)
      if (item.exchange !== NO_EXCHANGE) link.credits.give(item.exchange, item.cost)
    })
    this.discard(item, link, error)
  }

  private leaveBatch(settling: Settling): void {
    settling.stage = 'queued'
    this.closed -= 1
    if (this.closed === 0) for (const resolve of this.stillers.splice(0)) resolve()
  }

  /** No statement will name this body. */
  private discard(item: Outgoing, link: SendLink, error: Error): void {
    this.settle(item, outcomeOf(error), error)
    if (item.transfer !== null && !link.over) {
      link.records.send(RECORD.Abort, encodeAbort(item.transfer)).catch(() => {})
    }
  }

  private settle(item: Outgoing, outcome: 'sent' | 'failed' | 'cancelled', error?: Error): void {
    const settling = this.settling.get(item)
    if (settling === undefined) return
    settling.unpark?.()
    this.settling.delete(item)
    this.options.observer.settled?.(item.ref, outcome)
    if (error === undefined) settling.resolve({ digest: item.digest })
    else settling.reject(error)
    if (this.settling.size === 0) for (const resolve of this.idlers.splice(0)) resolve()
  }

  private release(give: () => void): void {
    try {
      give()
    } catch (error) {
      this.options.fail(toCountersignError(error))
    }
  }
}
