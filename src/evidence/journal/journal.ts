import { type Clock, systemClock } from '../../support/clock.ts'
import { CountersignError } from '../../support/errors.ts'
import { type Log, silentLog } from '../../support/log.ts'
import type { EvidenceEntry, EvidenceSink, HandshakeNote } from '../types.ts'
import type { Durability } from './appendFile.ts'
import { type Disk, nodeDisk } from './disk.ts'
import { privateFolder } from './folder.ts'
import { LineChain } from './lineChain.ts'
import { MAX_SEGMENT } from './names.ts'
import { type KeepLimits, prune } from './retention.ts'
import { type ContextKeeper, contextKeeper, type KeepContexts } from './sealing.ts'
import { Segment } from './segment.ts'
import { claimSeries, endOf, type Series } from './series.ts'

export interface JournalOptions {
  /** Made with mode 0700. Several processes may share it: each writes a series of its own. */
  readonly folder: string
  /** How contexts are kept. Default 'full'. */
  readonly contexts?: KeepContexts
  /** What the promise of `append` waits for. Default 'written'. */
  readonly durability?: Durability
  /** When a segment is full. */
  readonly segments?: SegmentLimits
  /** What the whole folder may keep; looked at when a segment begins. Default: everything. */
  readonly keep?: KeepLimits
  readonly clock?: Clock
  readonly log?: Log
  readonly disk?: Disk
}

export interface SegmentLimits {
  /** Default 64 MiB. A segment has at least one record, however long. */
  readonly bytes?: number
  /** Milliseconds. Default 24 hours. */
  readonly age?: number
}

const SEGMENT_BYTES = 64 * 1024 * 1024
const SEGMENT_AGE = 24 * 3_600_000
/** Milliseconds between attempts to begin a new segment after a failure: a full disk must not be asked for each context. */
const RETRY_AFTER = 1000

/**
 * The record of evidence on disk: segments of JSON lines, written once and never changed (docs/PROTOCOL.md, "Journal"). A series
 * goes on where the last process left it. After an error nothing is recorded, so nothing is released, until a new segment could
 * be begun behind what is on the disk; each `append` may try that.
 */
export class Journal implements EvidenceSink {
  private readonly options: Required<JournalOptions>
  private series: Series
  private segment: Segment
  private number: number
  /** For the segment after this one: made ahead, because `append` cannot wait for it without losing its order. */
  private keeper: ContextKeeper | undefined
  private recovering: Promise<void> | undefined
  private triedAt = Number.NEGATIVE_INFINITY
  private pruning: Promise<void> = Promise.resolve()
  private closing: Promise<void> | undefined
  private chain: LineChain

  private constructor(options: Required<JournalOptions>, series: Series, keeper: ContextKeeper) {
    this.options = options
    this.series = series
    this.number = series.nextNumber
    this.chain = new LineChain(series.end)
    this.segment = this.next(keeper, Promise.resolve(), series.end.cut)
  }

  /** Begins a new segment. @throws CountersignError `journal-write`, `file-permissions`, `peer-protocol` for a key to encrypt to */
  static async open(given: JournalOptions): Promise<Journal> {
    const defaults = { contexts: 'full', durability: 'written', segments: {}, keep: {} } as const
    const options = { ...defaults, clock: systemClock, log: silentLog, disk: nodeDisk, ...given }
    const { folder, clock, disk, log, contexts } = options
    await privateFolder(folder)
    const series = await claimSeries(folder, { now: clock.now(), disk, log })
    try {
      const journal = new Journal(options, series, await contextKeeper(contexts, series.name, series.nextNumber))
      try {
        await journal.segment.begun
      } catch (thrown) {
        await journal.segment.abandon()
        throw thrown
      }
      journal.begun()
      return journal
    } catch (thrown) {
      await series.lock.release()
      throw thrown
    }
  }

  /** The file that is being written. */
  get path(): string {
    return this.segment.path
  }

  /** Records entries in calling order. @throws CountersignError `journal-write`: the context must not be released */
  async append(entry: EvidenceEntry): Promise<void> {
    if (this.segment.failure !== undefined) await this.recover()
    if (this.closing !== undefined) throw closed()
    if (this.isFull()) this.rotate()
    await this.segment.append(entry)
  }

  /** Records what names a connection. @throws CountersignError `journal-write` */
  async handshake(note: HandshakeNote): Promise<void> {
    if (this.segment.failure !== undefined) await this.recover()
    if (this.closing !== undefined) throw closed()
    await this.segment.handshake(note)
  }

  /** Writes the `close` line and closes the file. Safe to call twice. @throws CountersignError `journal-write` */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    await this.recovering?.catch(() => {})
    await this.pruning
    try {
      await this.segment.close(this.options.clock.now(), false)
    } finally {
      this.keeper?.wipe()
      await this.series.lock.release()
    }
  }

  private isFull(): boolean {
    const { segments, clock } = this.options
    const { bytes = SEGMENT_BYTES, age = SEGMENT_AGE } = segments
    const { segment } = this
    if (segment.records === 0 || this.keeper === undefined || this.number >= MAX_SEGMENT) return false
    return segment.bytes >= bytes || clock.now() - segment.begunAt >= age
  }

  /** Synchronous, so that entries stay in calling order: those that come meanwhile wait for the new file. */
  private rotate(): void {
    const { keeper, segment } = this
    if (keeper === undefined) return
    this.keeper = undefined
    const closed = segment.close(this.options.clock.now(), true)
    this.number += 1
    this.segment = this.next(keeper, closed)
    this.begun()
  }

  private next(keeper: ContextKeeper, after: Promise<void>, cut = 0): Segment {
    const { folder, durability, disk, clock } = this.options
    const { chain, number } = this
    const series = this.series.name
    return new Segment({ folder, series, number, chain, keeper, durability, disk, at: clock.now(), cut, after })
  }

  private begun(): void {
    const { contexts, folder, keep, clock, disk, log } = this.options
    const { segment } = this
    const number = this.number + 1
    contextKeeper(contexts, this.series.name, number).then(
      (keeper) => {
        if (this.number + 1 === number && this.closing === undefined) this.keeper = keeper
        else keeper.wipe()
      },
      // The first one was made of the same key: what fails now fails again at the next attempt, and this segment grows.
      () => {},
    )
    const pruned = () =>
      segment.begun.then(() => prune({ folder, keep, clock, disk, log, segment, series: this.series.name }))
    this.pruning = this.pruning.then(pruned).catch((thrown: unknown) => {
      const code = thrown instanceof CountersignError ? thrown.code : 'internal'
      log.log('warn', 'old segments of the journal could not be deleted', { code })
    })
  }

  /** One attempt for all that wait. @throws CountersignError `journal-write` */
  private async recover(): Promise<void> {
    if (this.closing !== undefined) throw closed()
    this.recovering ??= this.beginAnew().finally(() => {
      this.recovering = undefined
    })
    await this.recovering
  }

  private async beginAnew(): Promise<void> {
    const { failure } = this.segment
    const { clock, folder, disk, log, contexts } = this.options
    if (failure !== undefined && clock.monotonic() - this.triedAt < RETRY_AFTER) throw failure
    this.triedAt = clock.monotonic()
    await this.segment.abandon()
    this.keeper?.wipe()
    this.keeper = undefined
    const end = await endOf(folder, this.series.name, disk)
    const keeper = await contextKeeper(contexts, this.series.name, end.nextNumber)
    this.number = end.nextNumber
    this.chain = new LineChain(end)
    this.segment = this.next(keeper, Promise.resolve(), end.cut)
    await this.segment.begun
    log.log('info', 'the journal is written again', { cut: end.cut })
    this.begun()
  }
}

function closed(): CountersignError {
  return new CountersignError('journal-write', 'The journal is closed.')
}
