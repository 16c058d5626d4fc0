import type { ContextRow } from '../../contracts/panelContext.ts'
import type { Expectations } from '../../evidence/expectations.ts'
import type { EvidenceEntry, Statement } from '../../evidence/types.ts'
import type { Verdict } from '../../evidence/verdict.ts'
import { EvidenceVerifier } from '../../evidence/verifier.ts'
import type { Rejection } from '../../session/api.ts'
import type { Clock } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { toCountersignError } from '../../support/errors.ts'
import { Figures } from './figures.ts'

/** A piece of evidence with what it has to agree with, known from elsewhere than the evidence itself. */
export interface Recorded {
  readonly entry: EvidenceEntry
  readonly statement: Statement
  readonly expected: Expectations
  /** From entering the queue to the signature, ms, for what this end signed. */
  readonly queued?: number
}

export interface StoredContext {
  readonly row: ContextRow
  readonly gateway: string
  /** Absent while pending, and where only a rejection is known. */
  readonly recorded?: Recorded
}

/** Evidence that does not hold, and the question that it claims to answer. */
export interface Refused {
  readonly recorded: Recorded
  readonly asked?: { readonly method?: string; readonly tool?: string }
}

const MAX_ROWS = 5_000
const MAX_BYTES = 64 * 1024 * 1024
/** Statement, proof and JWS beside the context itself. */
const OVERHEAD = 8 * 1024

/**
 * The newest contexts with their evidence, for the panel. A row is pending until its evidence was verified here; the
 * verdict is what that found, whatever the session thought of it. Bounded: older evidence is in the journal.
 */
export class ContextStore {
  readonly figures: Figures
  readonly clock: Clock
  private readonly verifier = new EvidenceVerifier()
  private readonly changed = new Emitter<string>()
  /** The ref of a row that was added or changed. */
  readonly onChange = this.changed.event
  private readonly contexts = new Map<string, StoredContext>()
  private bytes = 0
  private next = 1
  /** One after the other: a burst must not take the editor's only thread in one go. */
  private judging: Promise<void> = Promise.resolve()

  constructor(clock: Clock) {
    this.clock = clock
    this.figures = new Figures(clock)
  }

  get(ref: string): StoredContext | undefined {
    return this.contexts.get(ref)
  }

  /** Oldest first. */
  all(): readonly StoredContext[] {
    return [...this.contexts.values()]
  }

  /** Everything of the same exchange, oldest first. */
  exchange({ sid, exchange }: Pick<ContextRow, 'sid' | 'exchange'>): readonly StoredContext[] {
    if (exchange === undefined) return []
    return this.all().filter(({ row }) => row.sid === sid && row.exchange === exchange)
  }

  newRef(): string {
    return `c${this.next++}`
  }

  /** A context that waits for its signature. */
  pending(row: Omit<ContextRow, 'verdict' | 'at'>, gateway: string): void {
    this.put({ row: { ...row, verdict: 'pending', at: this.clock.now() }, gateway })
  }

  /** Evidence of a context; its verdict follows. */
  add(row: Omit<ContextRow, 'verdict'>, gateway: string, recorded: Recorded): void {
    const stored = { row: { ...row, verdict: 'pending' as const }, gateway, recorded }
    this.put(stored)
    this.figures.context(gateway, recorded.queued)
    this.judging = this.judging.then(() => this.judge(stored, recorded))
  }

  /** A context that will never be signed. */
  unsigned(ref: string, reason: string): void {
    const stored = this.contexts.get(ref)
    if (stored === undefined) return
    this.figures.unsigned(stored.gateway)
    this.put({ ...stored, row: { ...stored.row, verdict: 'unsigned', reason } })
  }

  /** What a session refused, of which no evidence that holds can exist. */
  reject({ sid, direction, at, alert, error, claimed }: Rejection, gateway: string, refused?: Refused): void {
    this.figures.rejected(gateway)
    const statement = refused?.recorded.statement
    const method = claimed?.method ?? refused?.asked?.method
    const tool = refused?.asked?.tool
    const row: ContextRow = {
      ref: this.newRef(),
      verdict: 'rejected',
      at,
      dir: direction,
      server: claimed?.server ?? '-',
      kind: statement?.kind ?? (direction === 'c2s' ? 'request' : 'response'),
      size: claimed?.length ?? 0,
      custody: 'unknown',
      sid,
      alert,
      reason: error.message,
      ...(method === undefined ? {} : { method: method.slice(0, 256) }),
      ...(tool === undefined ? {} : { tool: tool.slice(0, 256) }),
      ...(statement === undefined ? {} : { exchange: statement.exchange }),
      ...(claimed === undefined ? {} : { seq: claimed.seq }),
    }
    this.put(refused === undefined ? { row, gateway } : { row, gateway, recorded: refused.recorded })
  }

  /** Verifies again from the evidence, with nothing remembered from before. */
  async verifyAgain({ entry, expected }: Recorded): Promise<Verdict> {
    return await new EvidenceVerifier(0).verify(entry, expected)
  }

  private async judge(stored: StoredContext, { entry, expected }: Recorded): Promise<void> {
    const { row, gateway } = stored
    try {
      const { ok, batch, error } = await this.verifier.verify(entry, expected)
      if (ok && batch !== undefined) {
        this.figures.verified(gateway, batch.root, batch.n)
        const of = { id: batch.root, n: batch.n }
        this.put({ ...stored, row: { ...row, verdict: 'verified', custody: batch.custody, batch: of } })
        return
      }
      this.refused(stored, error?.message ?? 'The evidence does not hold.', error?.alert)
    } catch (thrown) {
      this.refused(stored, toCountersignError(thrown).message)
    }
  }

  private refused(stored: StoredContext, reason: string, alert?: number): void {
    this.figures.rejected(stored.gateway)
    const why = alert === undefined ? { reason } : { reason, alert }
    this.put({ ...stored, row: { ...stored.row, verdict: 'rejected', ...why } })
  }

  private put(stored: StoredContext): void {
    const { ref } = stored.row
    const before = this.contexts.get(ref)
    this.bytes += weight(stored) - (before === undefined ? 0 : weight(before))
    this.contexts.set(ref, stored)
    this.figures.pendingIs(stored.row.verdict === 'pending', before?.row.verdict === 'pending')
    this.trim()
    this.changed.fire(ref)
  }

  private trim(): void {
    for (const [ref, stored] of this.contexts) {
      if (this.contexts.size <= MAX_ROWS && this.bytes <= MAX_BYTES) return
      this.contexts.delete(ref)
      this.bytes -= weight(stored)
      if (stored.row.verdict === 'pending') this.figures.pendingIs(false, true)
    }
  }
}

function weight({ recorded }: StoredContext): number {
  return OVERHEAD + (recorded?.entry.context?.length ?? 0)
}
