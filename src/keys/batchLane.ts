import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { SignInput } from '../contracts/signInput.ts'
import type { Clock } from '../support/clock.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import type { BatchItem, SignedBatch } from './batching.ts'
import { ClosedBatch, guarded } from './closedBatch.ts'
import type { BatchTurn, Signer } from './signer.ts'
import { signedWithin, unavailable } from './signWithin.ts'
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

/** A batch that the key was asked for while it is at work on the one before. */
interface Ahead {
  readonly batch: ClosedBatch
  readonly attempt: AbortController
  readonly signature: Promise<Uint8Array>
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
  private ahead: Ahead | undefined
  private attempt: AbortController | undefined
  /** What the key is at work on, if it is a batch. */
  private current: ClosedBatch | undefined
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
      // First the requests to the key, then what the batch before is told, which can fill the next: while the key works.
      if (tell !== nothing || this.items.size >= this.options.limit) await endOfTurn()
      this.askAhead(signing)
      tell()
      this.askAhead(signing)
      tell = await signing
      if (this.work > 0) continue
      tell()
      tell = nothing
    }
    this.running = false
  }

  private get work(): number {
    return this.items.size + (this.ahead === undefined ? 0 : 1) + this.options.singles.size
  }

  /**
   * Asks the key for the next batch while it is at work on one: only what is full, which nothing else could join whenever it
   * closes. It names what is not yet history. So the key signs it behind that batch or not at all, and its signature counts
   * here only when that one is signed.
   */
  private askAhead(ended: Promise<unknown>): void {
    const { current } = this
    if (this.disposed || current === undefined || this.ahead !== undefined || this.singleIsNext) return
    if (this.items.size < this.options.limit) return
    const batch = this.closeBatch()
    if (batch.items.length === 0) return
    const attempt = new AbortController()
    const signature = this.ask(batch, attempt, { root: current.root, ended })
    // Looked at when it is its turn; until then nobody would handle it.
    signature.catch(nothing)
    this.ahead = { batch, attempt, signature }
  }

  private withdrawAhead(): readonly ClosedBatch[] {
    const { ahead } = this
    this.ahead = undefined
    ahead?.attempt.abort(unavailable())
    return ahead === undefined ? [] : [ahead.batch]
  }

  private get singleIsNext(): boolean {
    return this.options.singles.size > 0 && (this.items.size === 0 || this.batchesSinceSingle >= BATCHES_BETWEEN)
  }

  /** Never rejects. Resolves to what is to be told to the items of a batch that was signed. */
  private async signNext(): Promise<() => void> {
    const { ahead } = this
    const single = ahead === undefined && this.singleIsNext ? this.options.singles.next() : undefined
    if (single === undefined) {
      this.batchesSinceSingle++
      this.ahead = undefined
      return await this.signBatch(ahead?.batch ?? this.closeBatch(), ahead)
    }
    this.batchesSinceSingle = 0
    await this.signSingle(single)
    return nothing
  }

  private async signSingle(single: WaitingSingle): Promise<void> {
    try {
      const attempt = new AbortController()
      single.done(await this.within(this.options.signer.sign(single.input, attempt.signal), attempt))
    } catch (cause) {
      single.failed(unavailable(cause))
    }
  }

  private closeBatch(): ClosedBatch {
    const { limit, signer } = this.options
    const next = () => {
      const waiting = this.items.next()
      waiting?.release()
      return waiting?.item
    }
    return new ClosedBatch(next, limit, signer, (item) => this.left(item))
  }

  private async signBatch(batch: ClosedBatch, asked: Ahead | undefined): Promise<() => void> {
    if (batch.items.length === 0) return nothing
    this.current = batch
    const { clock } = this.options
    try {
      const started = clock.monotonic()
      const signature = await this.signTwice(batch, asked)
      const signed = batch.sealed(signature, clock.monotonic() - started)
      return () => this.signed(batch, signed)
    } catch (cause) {
      // With what was closed behind it: that names statements which are no history now.
      this.takeBack([...this.withdrawAhead(), batch], unavailable(cause))
      return nothing
    } finally {
      this.current = undefined
    }
  }

  /** @param batches the last first: each counter must return to the value it had before its own item */
  private takeBack(batches: readonly ClosedBatch[], error: CountersignError): void {
    for (const { items } of batches) for (const item of items.toReversed()) guarded(() => item.rollback())
    const items = batches.toReversed().flatMap((batch) => batch.items)
    for (const item of items) this.left(item)
    for (const item of items) guarded(() => item.failed(error))
  }

  private signed({ items }: ClosedBatch, batch: SignedBatch): void {
    for (const [index, item] of items.entries()) {
      this.left(item)
      guarded(
        () => item.signed(batch, index),
        (thrown) => item.failed(toCountersignError(thrown)),
      )
    }
  }

  /** The second try is over the same root: two roots for one sequence would be two histories signed by one key. */
  private async signTwice(batch: ClosedBatch, asked?: Ahead): Promise<Uint8Array> {
    try {
      return await (asked === undefined ? this.signOnce(batch) : this.within(asked.signature, asked.attempt))
    } catch (thrown) {
      if (this.disposed) throw thrown
      // The batch before was signed at its second try: until now the key did not try this one.
      const refused = toCountersignError(thrown).code === 'predecessor-unsigned'
      return refused ? await this.signTwice(batch) : await this.signOnce(batch)
    }
  }

  private async signOnce(batch: ClosedBatch): Promise<Uint8Array> {
    const attempt = new AbortController()
    return await this.within(this.ask(batch, attempt), attempt)
  }

  private ask(batch: ClosedBatch, attempt: AbortController, behind?: BatchTurn['behind']): Promise<Uint8Array> {
    const turn = { expected: () => batch.expected, ...(behind === undefined ? {} : { behind }) }
    const { statements } = batch
    return this.options.signer.sign({ kind: 'batch', statements }, attempt.signal, turn)
  }

  private async within(asked: Promise<Uint8Array>, attempt: AbortController): Promise<Uint8Array> {
    this.attempt = attempt
    const { deadline, signer } = this.options
    return await signedWithin(deadline, asked, signer.algorithm, attempt)
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
