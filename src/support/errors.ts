/**
 * The errors of Countersign: a stable code for programs, a sentence for people, the cause kept for the log.
 * The sentence says what happened and what to do; it never holds a PIN, a token, key material or a context.
 */

import { Sentence, said } from './l10n.ts'

/** Stable codes. Programs match on them; they are never renamed, only added. */
export type ErrorCode =
  // input and configuration
  | 'config-invalid'
  | 'usage'
  | 'file-unreadable'
  | 'file-permissions'
  | 'file-exists'
  // cryptography and formats
  | 'length'
  | 'algorithm-unsupported'
  | 'decrypt-failed'
  | 'signature-invalid'
  | 'decode'
  // keys and the key process
  | 'vault-locked'
  | 'vault-corrupt'
  | 'key-missing'
  | 'key-exists'
  | 'key-ambiguous'
  | 'key-changed'
  | 'key-planned'
  | 'key-retired'
  | 'key-revoked'
  | 'key-process-gone'
  | 'key-process-reply'
  | 'module-load'
  | 'module-invalid'
  | 'module-unsupported'
  | 'slot-missing'
  | 'token-missing'
  | 'token-unsupported'
  | 'token-busy'
  | 'pin-wrong'
  | 'pin-locked'
  | 'pin-needed'
  | 'pin-expired'
  | 'login-failed'
  | 'pkcs11'
  | 'signer-unavailable'
  | 'signer-timeout'
  | 'predecessor-unsigned'
  // session and trust
  | 'session-closed'
  | 'session-lost'
  | 'session-refused'
  | 'handshake-timeout'
  | 'peer-unknown'
  | 'peer-changed'
  | 'peer-revoked'
  | 'peer-expired'
  | 'peer-protocol'
  | 'gateway-unreachable'
  | 'limit'
  // evidence
  | 'statement-invalid'
  | 'batch-invalid'
  | 'replay'
  | 'journal-write'
  // MCP side
  | 'context-refused'
  | 'header-mismatch'
  | 'envelope-missing'
  | 'server-unknown'
  | 'editor-missing'
  | 'server-start'
  | 'server-gone'
  | 'upstream'
  | 'unauthorized'
  | 'forbidden'
  | 'outcome-unknown'
  | 'cancelled'
  | 'internal'

export class CountersignError extends Error {
  readonly code: ErrorCode
  /** For people: `t(error.sentence)`. `message` is its English, for everything else. */
  readonly sentence: Sentence

  constructor(code: ErrorCode, sentence: string | Sentence, options?: { cause?: unknown }) {
    super(String(sentence), options)
    this.name = 'CountersignError'
    this.code = code
    this.sentence = typeof sentence === 'string' ? new Sentence(sentence) : sentence
  }
}

/** Any thrown value as a CountersignError; what is not ours becomes `internal` with the original as its cause. */
export function toCountersignError(
  thrown: unknown,
  sentence: string | Sentence = 'Something inside Countersign failed.',
): CountersignError {
  return thrown instanceof CountersignError ? thrown : new CountersignError('internal', sentence, { cause: thrown })
}

/** An exhaustiveness check that also holds at run time, where a peer may send what the types exclude. */
export function unreachable(value: never): never {
  throw new CountersignError('internal', said`Unexpected value of type ${typeof value}.`)
}
