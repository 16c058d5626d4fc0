import { CountersignError, type ErrorCode } from '../support/errors.ts'
import type { Sentence } from '../support/l10n.ts'

/** The alerts of docs/PROTOCOL.md, "Alerts and limits", that a piece of evidence can cause. */
export const ALERT = {
  expired: 45,
  badSignature: 51,
  badStatement: 110,
  replay: 111,
  clockSkew: 112,
} as const

export type EvidenceAlert = (typeof ALERT)[keyof typeof ALERT]

/** Evidence that does not hold. `alert` is what a session tells its peer before it ends. */
export class EvidenceError extends CountersignError {
  readonly alert: EvidenceAlert

  constructor(code: ErrorCode, alert: EvidenceAlert, sentence: string | Sentence, options?: { cause?: unknown }) {
    super(code, sentence, options)
    this.name = 'EvidenceError'
    this.alert = alert
  }
}

export function badStatement(sentence: string | Sentence, cause?: unknown): EvidenceError {
  return new EvidenceError('statement-invalid', ALERT.badStatement, sentence, { cause })
}

export function badBatch(sentence: string | Sentence, cause?: unknown): EvidenceError {
  return new EvidenceError('batch-invalid', ALERT.badStatement, sentence, { cause })
}

export function replayed(sentence: string | Sentence): EvidenceError {
  return new EvidenceError('replay', ALERT.replay, sentence)
}
