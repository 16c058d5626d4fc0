import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { SignInput } from '../contracts/signInput.ts'
import { buildBatch, sealBatch } from '../evidence/batch.ts'
import { parseStatement } from '../evidence/statement.ts'
import type { Clock } from '../support/clock.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import type { BatchItem, SignedBatch } from './batching.ts'
import type { Signer } from './signer.ts'
import { signWithin, unavailable } from './signWithin.ts'
import { SigningQueue, type Waiting } from './signingQueue.ts'

/** What is signed one by one: the key proves itself to a peer. */
export type SingleInput = Extract<SignInput, { kind: 'handshake' | 'rekey' }>

export interface WaitingItem extends Waiting {
  readonly item: BatchItem
  readonly release: () => void
}

export interface WaitingSingle extends Waiting {
  readonly input: SingleInput
  readonly done: (signature: Uint8Array) => void
}

export interface LaneOptions {
  readonly signer: Signer
  readonly limit: number
  readonly queue: number
  readonly deadline: number
  readonly clock: Clock
  /** Of all lanes: whichever has a turn for one takes it. */
  readonly singles: SigningQueue<WaitingSingle>
}

interface Closed {
  readonly item: BatchItem
  readonly statement: Uint8Array
}

const nothing = (): void => {}

/** Batches that must go by between two single signatures while batches wait: one turn in four. */
const BATCHES_BETWEEN = 3

/**
 * One signature at a time, and what waits for the next. A session that has anything here has nothing in another lane: its
 * statements name their predecessors, so a batch of it can only follow one that is signed.
 */
export class BatchLane {
  private readonly options: LaneOptions
  private readonly items: SigningQueue<WaitingItem>
  /** How much of each session waits or is being signed. */
  private readonly sessions = new Map<string, number>()
  /** The next batch, closed while the key is at work on the one before. */
  private ahead: readonly Closed[] = []
  private attempt: AbortController | undefined
  private disposed = false
  private running = false
  private batchesSinceSingle = BATCHES_BETWEEN

  constructor(options: LaneOptions) {
    this.options = options
    this.items = new SigningQueue(options.queue)
  }

  /** Items that wait for a batch to close. */
  get waiting(): number {
    return this.items.size
  }

  /** Sessions that have something here. */
  get load(): number {
    return this.sessions.size
  }

  get idle(): boolean {
    return !this.running
  }

  holds(session: string): boolean {
    return this.sessions.has(session)
  }

  /** @throws CountersignError `limit` */
  add(waiting: WaitingItem): void {
    const { session } = waiting.item
    this.items.add(lineOf(waiting.item), waiting)
    this.sessions.set(session, (this.sessions.get(session) ?? 0) + 1)
    this.wake()
  }

  find(item: BatchItem): WaitingItem | undefined {
    return this.items.find(lineOf(item), (queued) => queued.item === item)
  }

  /** Takes an item out before its batch closes; false when that has happened. */
  remove(waiting: WaitingItem): boolean {
    if (!this.items.remove(lineOf(waiting.item), waiting)) return false
    this.left(waiting.item)
    return true
  }

  dispose(): void {
    this.disposed = true
    this.takeBack(this.withdrawAhead(), unavailable())
    this.attempt?.abort(unavailable())
    for (const waiting of this.items.drain()) {
      this.left(waiting.item)
      waiting.release()
      guarded(() => waiting.failed(unavailable()))
    }
  }

  /**
   * At the end of this turn of the event loop, so that what arrived in it shares the first batch: an answer and the end of
   * its exchange, or the calls that came in one packet. On a microtask each of them would pay for a signature of its own.
   */
  wake(): void {
    if (this.running) return
    this.running = true
    setImmediate(() => void this.run())
  }

  private async run(): Promise<void> {
    let tell = nothing
    while (this.work > 0) {
      const signing = this.signNext()
      // First the request to the key, then what the batch before is told, and what can be closed: while the key works.
      if (tell !== nothing || this.items.size >= this.options.limit) await endOfTurn()
      tell()
      this.closeAhead()
      tell = await signing
      if (this.work > 0) continue
      tell()
      tell = nothing
    }
    this.running = false
  }

  private get work(): number {
    return this.items.size + this.ahead.length + this.options.singles.size
  }

  /**
   * Only what is full: nothing else could join it, whenever it closes. It is sent when the batch before is signed, never
   * earlier: what it says of its predecessors must be history by then.
   */
  private closeAhead(): void {
    if (this.disposed || this.ahead.length > 0 || this.items.size < this.options.limit) return
    this.ahead = this.closeBatch()
  }

  private withdrawAhead(): readonly Closed[] {
    const { ahead } = this
    this.ahead = []
    return ahead
  }

  /** Never rejects. Resolves to what is to be told to the items of a batch that was signed. */
  private async signNext(): Promise<() => void> {
    const turn = this.items.size + this.ahead.length === 0 || this.batchesSinceSingle >= BATCHES_BETWEEN
    const single = turn ? this.options.singles.next() : undefined
    if (single === undefined) {
      this.batchesSinceSingle++
      return await this.signBatch(this.ahead.length > 0 ? this.withdrawAhead() : this.closeBatch())
    }
    this.batchesSinceSingle = 0
    await this.signSingle(single)
    return nothing
  }

  private async signSingle(single: WaitingSingle): Promise<void> {
    try {
      single.done(await this.signOnce(single.input))
    } catch (cause) {
      single.failed(unavailable(cause))
    }
  }

  /** From here on the items have their sequence and time: what follows either signs them all or takes all of it back. */
  private closeBatch(): Closed[] {
    const closed: Closed[] = []
    while (closed.length < this.options.limit) {
      const waiting = this.items.next()
      if (waiting === undefined) break
      waiting.release()
      const { item } = waiting
      let assigned = false
      try {
        const statement = item.close()
        assigned = true
        // The key refuses a batch with one bad statement; found here, it costs its own item and not its 63 neighbours.
        parseStatement(statement)
        closed.push({ item, statement })
      } catch (thrown) {
        if (assigned) guarded(() => item.rollback())
        this.left(item)
        guarded(() => item.failed(toCountersignError(thrown)))
      }
    }
    return closed
  }

  private async signBatch(closed: readonly Closed[]): Promise<() => void> {
    if (closed.length === 0) return nothing
    const { signer, clock } = this.options
    const statements = closed.map(({ statement }) => statement)
    try {
      const started = clock.monotonic()
      const [signature, unsigned] = await Promise.all([
        this.signTwice({ kind: 'batch', statements }),
        // While the key is at work. What fails here fails the batch, as a signature that was not made does.
        endOfTurn().then(() => buildBatch(statements, signer)),
      ])
      const took = clock.monotonic() - started
      const batch = { ...sealBatch(unsigned, signature), statements, took }
      return () => this.signed(closed, batch)
    } catch (cause) {
      // With what was closed behind it: that names statements which are no history now.
      this.takeBack([...closed, ...this.withdrawAhead()], unavailable(cause))
      return nothing
    }
  }

  private takeBack(closed: readonly Closed[], error: CountersignError): void {
    // Backwards, because each counter must return to the value it had before its own item.
    for (const { item } of closed.toReversed()) guarded(() => item.rollback())
    for (const { item } of closed) this.left(item)
    for (const { item } of closed) guarded(() => item.failed(error))
  }

  private signed(closed: readonly Closed[], batch: SignedBatch): void {
    for (const [index, { item }] of closed.entries()) {
      this.left(item)
      guarded(
        () => item.signed(batch, index),
        (thrown) => item.failed(toCountersignError(thrown)),
      )
    }
  }

  /** The second try is over the same root: two roots for one sequence would be two histories signed by one key. */
  private async signTwice(input: SignInput): Promise<Uint8Array> {
    try {
      return await this.signOnce(input)
    } catch (thrown) {
      if (this.disposed) throw thrown
      return await this.signOnce(input)
    }
  }

  private async signOnce(input: SignInput): Promise<Uint8Array> {
    this.attempt = new AbortController()
    return await signWithin(this.options.deadline, this.options.signer, input, this.attempt)
  }

  /** The last item of a session leaves: its next one may go to a lane that has less to do. */
  private left({ session }: BatchItem): void {
    const count = (this.sessions.get(session) ?? 0) - 1
    if (count > 0) this.sessions.set(session, count)
    else this.sessions.delete(session)
  }
}

/** What takes turns: the servers of each session. */
function lineOf({ session, server }: BatchItem): string {
  return `${session} ${server}`
}

/** Told on a microtask: a caller that is still queueing is not interrupted by the end of its own item. */
export function failSoon(item: BatchItem, error: CountersignError): void {
  queueMicrotask(() => guarded(() => item.failed(error)))
}

/** One item's callback that throws must not leave the other items of its batch without an answer. */
function guarded(callback: () => void, otherwise?: (thrown: unknown) => void): void {
  try {
    callback()
  } catch (thrown) {
    // Its owner broke the contract of BatchItem. It is told so where there is a way left; the batch goes on.
    if (otherwise !== undefined) guarded(() => otherwise(thrown))
  }
}
