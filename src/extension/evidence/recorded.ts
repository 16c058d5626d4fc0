import type { ContextRow } from '../../contracts/panelContext.ts'
import type { Expectations } from '../../evidence/expectations.ts'
import type { EvidenceEntry, Statement } from '../../evidence/types.ts'

/** A piece of evidence with what it has to agree with, known from elsewhere than the evidence itself. */
export interface Recorded {
  readonly entry: EvidenceEntry
  readonly statement: Statement
  readonly expected: Expectations
  /** Chain head after the statement, 48 bytes; absent for what was refused, which moves no chain. */
  readonly chain?: Uint8Array
  /** From entering the queue to the signature, ms, for what this end signed. */
  readonly queued?: number
}

export interface StoredContext {
  readonly row: ContextRow
  readonly gateway: string
  /** Absent while pending, where only a rejection is known, and where the evidence is in the journal only. */
  readonly recorded?: Recorded
}

/** Evidence that does not hold, and the question that it claims to answer. */
export interface Refused {
  readonly recorded: Recorded
  readonly asked?: { readonly method?: string; readonly tool?: string }
}
