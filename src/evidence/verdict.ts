import type { Sentence } from '../support/l10n.ts'
import type { EvidenceError } from './errors.ts'
import type { BatchPayload, Draft, Statement } from './types.ts'

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

/** Collects the checks while they run: those that are not recorded when it ends were not reached. */
export class Checklist {
  private readonly done: Check[] = []
  private readonly missing: Missing[] = []
  /** What is read and verified on the way is written into it. */
  readonly draft: Draft<Verdict> = { ok: false, checks: this.done, missing: this.missing }

  passed(name: CheckName, detail: Sentence): void {
    this.done.push({ name, ok: true, detail })
  }

  notAsked(name: CheckName, detail: Sentence): void {
    this.done.push({ name, ok: 'not asked', detail })
  }

  lack(missing: Missing): void {
    this.missing.push(missing)
  }

  verdict(): Verdict {
    this.draft.ok = this.done.length === CHECKS.length
    return this.filled()
  }

  /** The check after the last recorded one failed. */
  failed(error: EvidenceError): Verdict {
    const name = CHECKS[this.done.length]
    if (name !== undefined) this.done.push({ name, ok: false, detail: error.sentence })
    this.draft.error = error
    return this.filled()
  }

  private filled(): Verdict {
    for (const name of CHECKS.slice(this.done.length)) this.done.push({ name, ok: 'not reached', detail: undefined })
    return this.draft
  }
}
