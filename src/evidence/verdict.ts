import type { Sentence } from '../support/l10n.ts'
import type { EvidenceError } from './errors.ts'
import type { BatchPayload, Statement } from './types.ts'

/** The checks in the order in which they run. */
export const CHECKS = [
  'statement well formed',
  'proof leads to the root',
  'signature on the root',
  'key active at that time',
  'session, audience, sequence',
  'context is as stated',
  'bound to this question',
] as const

export type CheckName = (typeof CHECKS)[number]

export interface Check {
  readonly name: CheckName
  /** 'not reached': an earlier check failed. 'not asked': there was nothing to compare with; `detail` says what is missing. */
  readonly ok: true | false | 'not reached' | 'not asked'
  readonly detail: Sentence | undefined
}

/** What evidence could not be compared with, because it is not known where it is verified. */
export type Missing = 'trust' | 'session' | 'past' | 'head' | 'context' | 'question'

export interface Verdict {
  /** No check failed. What was not asked is not known: see `missing`. */
  readonly ok: boolean
  readonly checks: readonly Check[]
  readonly missing: readonly Missing[]
  /** Present once it was read; believed only where `ok`. */
  readonly statement?: Statement
  /** SHA-384 of the statement's bytes, base64url: what answers name in `req`. */
  readonly digest?: string
  /** The batch's payload, once its signature was verified. */
  readonly batch?: BatchPayload
  readonly error?: EvidenceError
}

type Found = Pick<Verdict, 'statement' | 'digest' | 'batch'>

/** Collects the checks while they run: those that are not recorded when it ends were not reached. */
export class Checklist {
  private readonly done: Check[] = []
  private readonly missing: Missing[] = []
  private found: Found = {}

  passed(name: CheckName, detail: Sentence): void {
    this.done.push({ name, ok: true, detail })
  }

  notAsked(name: CheckName, detail: Sentence): void {
    this.done.push({ name, ok: 'not asked', detail })
  }

  lack(missing: Missing): void {
    this.missing.push(missing)
  }

  keep(found: Found): void {
    this.found = { ...this.found, ...found }
  }

  verdict(): Verdict {
    return { ok: this.done.length === CHECKS.length, checks: this.filled(), missing: this.missing, ...this.found }
  }

  /** The check after the last recorded one failed. */
  failed(error: EvidenceError): Verdict {
    const name = CHECKS[this.done.length]
    if (name !== undefined) this.done.push({ name, ok: false, detail: error.sentence })
    return { ok: false, checks: this.filled(), missing: this.missing, ...this.found, error }
  }

  private filled(): Check[] {
    return CHECKS.map((name, at) => this.done[at] ?? { name, ok: 'not reached', detail: undefined })
  }
}
