import type { ContextRow } from '../../contracts/panelContext.ts'
import { EvidenceVerifier } from '../../evidence/verifier.ts'
import type { Verdict } from '../../evidence/verdict.ts'
import type { Rejection } from '../../session/api.ts'
import type { Clock } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { type EvidenceArchive, fromArchive, isPlaced } from './archive.ts'
import { EvidenceCache } from './evidenceCache.ts'
import { Figures } from './figures.ts'
import type { IndexRow } from './list/chunk.ts'
import { ContextIndex } from './list/contextIndex.ts'
import { searchable } from './list/query.ts'
import { Receipts } from './receipts.ts'
import type { Recorded, Refused, StoredContext } from './recorded.ts'
import { numberOf, refOf } from './refs.ts'

const RECENT = 5_000
const RECENT_BYTES = 64 * 1024 * 1024
/** What was refused is in no journal: this is the only place that has it. */
const REFUSED = 256
const REFUSED_BYTES = 16 * 1024 * 1024

/** A new row, before it has its ref and its verdict. */
export type NewRow = Omit<IndexRow, 'verdict' | 'gateway'>

const NO_ARCHIVE: EvidenceArchive = { find: async () => undefined, async *bodies() {} }

/**
 * The contexts of this window, for the panel: a compact row of each, the evidence of the newest. A row is pending until its
 * evidence was verified here; the verdict is what that found, whatever the session thought of it. Bounded, however long a
 * session runs: older evidence comes from the journal when somebody opens it.
 */
export class ContextStore {
  readonly figures: Figures
  readonly clock: Clock
  readonly index = new ContextIndex()
  readonly receipts = new Receipts()
  private readonly archive: EvidenceArchive
  private readonly verifier = new EvidenceVerifier()
  private readonly changed = new Emitter<string>()
  /** The ref of a row that was added or changed. */
  readonly onChange = this.changed.event
  private readonly recent = new EvidenceCache(RECENT, RECENT_BYTES)
  private readonly refusals = new EvidenceCache(REFUSED, REFUSED_BYTES)
  /** One after the other: a burst must not take the editor's only thread in one go. */
  private judging: Promise<void> = Promise.resolve()

  constructor(clock: Clock, archive: EvidenceArchive = NO_ARCHIVE) {
    this.clock = clock
    this.archive = archive
    this.figures = new Figures(clock)
    this.index.onChange((number) => this.changed.fire(refOf(number)))
  }

  /** What there is in memory of a context. */
  get(ref: string): StoredContext | undefined {
    const number = numberOf(ref)
    const row = this.row(number)
    const gateway = this.index.get(number)?.gateway
    if (row === undefined || gateway === undefined) return undefined
    const recorded = this.inMemory(number)
    return { row, gateway, ...(recorded === undefined ? {} : { recorded }) }
  }

  /** Everything that is listed, oldest first. */
  all(): readonly StoredContext[] {
    const count = this.index.end - this.index.first
    return Array.from({ length: count }, (_, at) => this.get(refOf(this.index.first + at)) ?? []).flat()
  }

  /** Everything of the same exchange, oldest first. */
  exchange({ sid, exchange }: Pick<ContextRow, 'sid' | 'exchange'>): readonly StoredContext[] {
    if (exchange === undefined) return []
    return this.index.exchange(sid, exchange).flatMap((number) => this.get(refOf(number)) ?? [])
  }

  /** A row of the list, by its number. */
  row(number: number): ContextRow | undefined {
    const row = this.index.get(number)
    if (row === undefined) return undefined
    const {
      gateway: _,
      signer: _signer,
      audience: _audience,
      chain: _chain,
      ack: _ack,
      queued: _queued,
      ...shown
    } = row
    const { sid, dir, seq } = row
    const receipt = row.verdict !== 'verified' || seq === undefined ? undefined : this.receipts.state(sid, dir, seq)
    return { ref: refOf(number), ...shown, ...(receipt === undefined ? {} : { receipt }) }
  }

  /** The first listed statement of the other direction that acknowledges this one. */
  acknowledging(ref: string): ContextRow | undefined {
    const number = numberOf(ref)
    const row = this.row(number)
    if (row?.receipt !== 'acknowledged' || row.seq === undefined) return undefined
    const by = this.index.acknowledging(number, row.seq)
    return by === undefined ? undefined : this.row(by)
  }

  /** A context in lower case, for a search; undefined where it is not in memory. */
  textOf(number: number): string | undefined {
    const context = this.inMemory(number)?.entry.context
    return context === undefined ? undefined : searchable(context)
  }

  /** Contexts of the journal, for a search. */
  bodies(...given: Parameters<EvidenceArchive['bodies']>): ReturnType<EvidenceArchive['bodies']> {
    return this.archive.bodies(...given)
  }

  /**
   * The evidence of a context, from the journal where it is no longer in memory.
   * @throws CountersignError `file-unreadable`, `statement-invalid`
   */
  async recorded(ref: string): Promise<Recorded | undefined> {
    const number = numberOf(ref)
    const recorded = this.inMemory(number)
    if (recorded !== undefined) return recorded
    const row = this.index.get(number)
    if (row === undefined || row.verdict !== 'verified' || !isPlaced(row)) return undefined
    return await fromArchive(this.archive, row, async () => {
      const question = this.exchange(row).find((of) => of.row.kind === 'request' && of.row.ref !== ref)
      return question === undefined ? undefined : await this.recorded(question.row.ref)
    })
  }

  /** A context that waits for its signature. @returns its ref, by which its evidence will settle it */
  pending(row: Omit<NewRow, 'at'>, gateway: string): string {
    this.figures.pendingIs(true, false)
    return refOf(this.index.add({ ...row, verdict: 'pending', at: this.clock.now(), gateway }))
  }

  /** Evidence of a context, of one that was pending or of a new one; its verdict follows. */
  add(row: NewRow, gateway: string, recorded: Recorded, ref?: string): void {
    const pending: IndexRow = { ...row, verdict: 'pending', gateway }
    const number = this.settle(ref, pending)
    this.recent.put(number, recorded)
    this.figures.context(gateway, recorded.queued)
    this.judging = this.judging.then(() => this.judge(number, pending, recorded))
  }

  /** A context that will never be signed. */
  unsigned(ref: string, reason: string): void {
    const number = numberOf(ref)
    const row = this.index.get(number)
    this.figures.pendingIs(false, row === undefined || row.verdict === 'pending')
    if (row === undefined) return
    this.figures.unsigned(row.gateway)
    this.index.set(number, { ...row, verdict: 'unsigned', reason })
  }

  /** What a session refused, of which no evidence that holds can exist. */
  reject({ sid, direction, at, alert, error, claimed }: Rejection, gateway: string, refused?: Refused): void {
    this.figures.rejected(gateway)
    const statement = refused?.recorded.statement
    const method = claimed?.method ?? refused?.asked?.method
    const tool = refused?.asked?.tool
    const number = this.index.add({
      verdict: 'rejected',
      at,
      dir: direction,
      server: claimed?.server ?? '-',
      kind: statement?.kind ?? (direction === 'c2s' ? 'request' : 'response'),
      size: claimed?.length ?? 0,
      custody: 'unknown',
      sid,
      alert,
      reason: t(error.sentence),
      gateway,
      ...(method === undefined ? {} : { method: method.slice(0, 256) }),
      ...(tool === undefined ? {} : { tool: tool.slice(0, 256) }),
      ...(statement === undefined ? {} : { exchange: statement.exchange }),
      ...(claimed === undefined ? {} : { seq: claimed.seq }),
    })
    if (refused !== undefined) this.refusals.put(number, refused.recorded)
  }

  /** The session is over: what the other side has not acknowledged now, it never will. */
  ended(sid: string): void {
    this.receipts.ended(sid)
  }

  /** Verifies again from the evidence, with nothing remembered from before. */
  async verifyAgain({ entry, expected }: Recorded): Promise<Verdict> {
    return await new EvidenceVerifier(0).verify(entry, expected)
  }

  private inMemory(number: number): Recorded | undefined {
    return this.recent.get(number) ?? this.refusals.get(number)
  }

  private settle(ref: string | undefined, row: IndexRow): number {
    const number = ref === undefined ? undefined : numberOf(ref)
    // A row that waited while a hundred thousand others came is no longer listed.
    if (number === undefined || this.index.chunkOf(number) === undefined) {
      this.figures.pendingIs(true, number !== undefined)
      return this.index.add(row)
    }
    this.index.set(number, row)
    return number
  }

  private async judge(number: number, row: IndexRow, recorded: Recorded): Promise<void> {
    const { gateway } = row
    try {
      const { ok, batch, error } = await this.verifier.verify(recorded.entry, recorded.expected)
      if (ok && batch !== undefined) {
        this.figures.verified(gateway, batch.root, batch.n)
        if (recorded.chain !== undefined) this.receipts.verified(recorded.statement, recorded.chain)
        this.judged(number, {
          ...row,
          verdict: 'verified',
          custody: batch.custody,
          batch: { id: batch.root, n: batch.n },
        })
        return
      }
      this.refuse(
        number,
        row,
        recorded,
        error === undefined ? t('The evidence does not hold.') : t(error.sentence),
        error?.alert,
      )
    } catch (thrown) {
      this.refuse(number, row, recorded, t(toCountersignError(thrown).sentence))
    }
  }

  private refuse(number: number, row: IndexRow, recorded: Recorded, reason: string, alert?: number): void {
    this.figures.rejected(row.gateway)
    this.refusals.put(number, recorded)
    const why = alert === undefined ? { reason } : { reason, alert }
    this.judged(number, { ...row, verdict: 'rejected', ...why })
  }

  private judged(number: number, row: IndexRow): void {
    this.figures.pendingIs(false, true)
    this.index.set(number, row)
  }
}
