import type { Direction, EvidenceEntry, OfflineEvidence, Statement } from '../types.ts'
import type { Check, Missing, Verdict } from '../verdict.ts'

/** 'holds': everything that was asked. 'incomplete': nothing is false, but something could not be compared. */
export type FindingState = 'holds' | 'false' | 'incomplete'

/** A verdict on one line of a file, or on a file or a session as a whole. */
export interface Finding {
  readonly file: string
  /** From 1; 0 for what concerns no single line. */
  readonly line: number
  readonly state: FindingState
  /** Why it is false, what could not be compared, or what else must be known about it. */
  readonly notes: readonly string[]
  /** For records: what was signed, as far as it could be read, and by whom. */
  readonly record?: FoundRecord
  /** For what is said of a session when all files were read. */
  readonly session?: SessionReport
  /** For the manifest of a bundle: who put it together, and when, in ms since 1970. */
  readonly manifest?: { readonly kid: string; readonly at: number; readonly records: number; readonly redacted: number }
}

export interface FoundRecord {
  readonly how: EvidenceEntry['how']
  readonly kid: string
  readonly custody?: string
  readonly digest?: string
  readonly statement?: Statement
  readonly checks: readonly Check[]
  /** Its bytes were removed by whoever put the bundle together. */
  readonly redacted?: true
}

/** Evidence as a file has it, beside the finding about it. */
export type ReadEvidence = OfflineEvidence & Pick<EvidenceEntry, 'how' | 'at'>

/** What the files say of one direction of a session. */
export interface DirectionReport {
  readonly dir: Direction
  /** The kid that signs it, as it signed or as the other end addressed it; absent where nothing of either was read. */
  readonly kid?: string
  /** How many different statements were read. */
  readonly statements: number
  /** Sequences that are missing before the last that was read, as ranges [from, to). */
  readonly missing: readonly { readonly from: number; readonly to: number }[]
  /** Its `close` was read: nothing can be missing at its end. */
  readonly closed: boolean
  /** How many statements of it the other end acknowledged: those with a sequence from here on it never did. */
  readonly acknowledged: number
  /** How many of the statements that were read are among those. */
  readonly unacknowledged: number
}

export interface SessionReport {
  readonly sid: string
  readonly directions: readonly DirectionReport[]
  /** Digests of handshakes' transcripts that were there; `bound`: one of them is the one that `sid` is made of. */
  readonly handshakes: number
  readonly bound: boolean
}

export interface Summary {
  readonly files: number
  readonly sessions: number
  readonly records: number
  readonly redacted: number
  readonly holds: number
  readonly false: number
  readonly incomplete: number
  /**
   * 0 all holds, 1 something is false, 2 incomplete: also without a trusted key, for a session without the `close`
   * statement of each direction, and when there was nothing to verify.
   */
  readonly exitCode: 0 | 1 | 2
}

export const UNTRUSTED = 'its signer was compared with nothing'
export const STRANGER = 'its signer is none of the keys that are known here'

const LACKING: Readonly<Record<Exclude<Missing, 'context' | 'head'>, string>> = {
  trust: UNTRUSTED,
  session: 'its session is not known',
  past: 'the statements before it are not in these files',
  question: 'its question is not in these files',
}

export interface Circumstances {
  /** Somebody said which keys to trust. */
  readonly trusting: boolean
  /** The file says that it is a selection: what came before is said of the session, and is no fault of the record. */
  readonly selected: boolean
  readonly kept: Kept
}

/** How the bytes of a context came: as their end kept them, taken out by whoever put a bundle together, or not readable here. */
export type Kept = 'as kept' | 'redacted' | 'encrypted'

const KEPT: Readonly<Record<Kept, string>> = {
  // What somebody chose is no fault: the statement holds, and the line says what it covers.
  'as kept': 'only the digest of the context was kept',
  redacted: 'redacted: its bytes were removed, their digest is signed',
  encrypted: 'the context is encrypted and was not compared with its digest',
}

/** What a verdict on a record comes to. */
export function judged({ ok, error, missing }: Verdict, given: Circumstances): Pick<Finding, 'state' | 'notes'> {
  const signer = given.trusting ? [] : [UNTRUSTED]
  if (!ok) return { state: 'false', notes: [error?.message ?? 'It does not hold.', ...signer] }
  const lacking = missing.filter((what) => what !== 'context' && what !== 'head')
  const faults = given.selected ? lacking.filter((what) => what !== 'past' && what !== 'question') : lacking
  const kept = missing.includes('context') ? [KEPT[given.kept]] : []
  return {
    state: faults.length > 0 ? 'incomplete' : 'holds',
    notes: [...lacking.map((what) => (what === 'trust' && given.trusting ? STRANGER : LACKING[what])), ...kept],
  }
}
