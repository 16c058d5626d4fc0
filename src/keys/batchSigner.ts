import { MAX_BATCH } from '../evidence/signingInput.ts'
import { type Clock, systemClock } from '../support/clock.ts'
import type { Disposable } from '../support/disposable.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { BatchLane, type SingleInput, type WaitingItem, type WaitingSingle } from './batchLane.ts'
import type { BatchItem } from './batching.ts'
import { failSoon } from './closedBatch.ts'
import type { Signer } from './signer.ts'
import { cancelled, unavailable } from './signWithin.ts'
import { queueFull, SigningQueue } from './signingQueue.ts'

export type { SingleInput } from './batchLane.ts'

export interface BatchSignerOptions {
  /** Most statements a batch, 1 to 64. Default 64. */
  readonly limit?: number
  /** Most items that wait, over all lanes. Default 4096. */
  readonly queue?: number
  /** Signatures that may be made at the same time, 1 to 16; more than one only where a profile or the user says so. Default 1. */
  readonly lanes?: number
  /**
   * Milliseconds after which a signer that never answers counts as failed. Default 15 000: longer than the deadline of a key
   * process, so that a process that hangs is gone by the time of the second try.
   */
  readonly deadline?: number
  readonly clock?: Clock
}

/** As in `holds` of contracts/keyProcess.ts; the session pool of a token has one session more. */
const MAX_LANES = 16
const MAX_SINGLES = 256

/**
 * Group commit over one key (docs/PROTOCOL.md, "Group commit"). While a signature is made, items queue; when it is there,
 * everything that queued becomes the next batch; one that is full closes meanwhile. There is no timer: an item that comes
 * alone waits for its own signature only.
 */
export class BatchSigner implements Disposable {
  private readonly lanes: readonly [BatchLane, ...BatchLane[]]
  private readonly queue: number
  private readonly singles = new SigningQueue<WaitingSingle>(MAX_SINGLES)
  private disposed = false

  constructor(signer: Signer, options: BatchSignerOptions = {}) {
    const { limit = MAX_BATCH, queue = 4096, lanes = 1, deadline = 15_000, clock = systemClock } = options
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_BATCH) {
      throw new CountersignError('config-invalid', said`A batch holds 1 to ${MAX_BATCH} statements.`)
    }
    if (!Number.isInteger(lanes) || lanes < 1 || lanes > MAX_LANES) {
      throw new CountersignError('config-invalid', said`A key signs in 1 to ${MAX_LANES} lanes.`)
    }
    this.queue = queue
    const lane = () => new BatchLane({ signer, limit, queue, deadline, clock, singles: this.singles })
    this.lanes = [lane(), ...Array.from({ length: lanes - 1 }, lane)]
  }

  /** Items that wait for a batch to close. */
  get waiting(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.waiting, 0)
  }

  /**
   * Queues an item. An abort before its batch closes ends it with `cancelled` and nothing of it was ever assigned; later
   * aborts do nothing. Every end that is not `signed` is told through `failed`, never synchronously, also a full queue
   * (`limit`) and a disposed signer (`signer-unavailable`): callers have one path for errors.
   */
  enqueue(item: BatchItem, signal?: AbortSignal): void {
    const refusal = this.refusal(signal)
    if (refusal !== undefined) return failSoon(item, refusal)
    if (this.waiting >= this.queue) return failSoon(item, queueFull())
    const lane = this.laneOf(item.session)
    const cancel = () => {
      if (lane.remove(waiting)) item.failed(cancelled())
    }
    const waiting: WaitingItem = {
      item,
      release: () => signal?.removeEventListener('abort', cancel),
      failed: (error) => item.failed(error),
    }
    try {
      lane.add(waiting)
    } catch (full) {
      return failSoon(item, toCountersignError(full))
    }
    signal?.addEventListener('abort', cancel, { once: true })
  }

  /** Takes an item out of the queue without a word to it; false when its batch has closed, or it was never there. */
  withdraw(item: BatchItem): boolean {
    for (const lane of this.lanes) {
      const waiting = lane.find(item)
      if (waiting === undefined || !lane.remove(waiting)) continue
      waiting.release()
      return true
    }
    return false
  }

  /**
   * Signs a handshake or rekey hash, ahead of the batches but in each lane at most one turn in four while those wait.
   * @throws CountersignError `signer-unavailable`, `limit`, `cancelled`
   */
  async sign(input: SingleInput, signal?: AbortSignal): Promise<Uint8Array> {
    const refusal = this.refusal(signal)
    if (refusal !== undefined) throw refusal
    return await new Promise<Uint8Array>((resolve, reject) => {
      const settle = () => signal?.removeEventListener('abort', cancel)
      const cancel = () => {
        // A signature that is being made is left alone: to abort it could mean to kill the process that holds the key.
        this.singles.remove(input.kind, waiting)
        reject(cancelled())
      }
      const waiting: WaitingSingle = {
        input,
        done: (signature) => (settle(), resolve(signature)),
        failed: (error) => (settle(), reject(error)),
      }
      this.singles.add(input.kind, waiting)
      signal?.addEventListener('abort', cancel, { once: true })
      // Where none is idle, the first that has a turn for it takes it.
      this.lanes.find((lane) => lane.idle)?.wake()
    })
  }

  /** Ends everything that waits with `signer-unavailable` and aborts the signatures in flight; their counters roll back. */
  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    for (const lane of this.lanes) lane.dispose()
    for (const waiting of this.singles.drain()) waiting.failed(unavailable())
  }

  private refusal(signal: AbortSignal | undefined): CountersignError | undefined {
    if (this.disposed) return unavailable()
    return signal?.aborted === true ? cancelled() : undefined
  }

  /** The lane that has the session; a session that is nowhere goes where the fewest are. */
  private laneOf(session: string): BatchLane {
    const [first, ...others] = this.lanes
    const own = this.lanes.find((lane) => lane.holds(session))
    return own ?? others.reduce((least, lane) => (lane.load < least.load ? lane : least), first)
  }
}
