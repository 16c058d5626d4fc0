import type { EvidenceError } from './errors.ts'
import type { Direction, Statement } from './types.ts'

/** Where a chain stands: the sequence of the statement that comes next, and the chain head (48 bytes) that its `prev` names. */
export interface Position {
  readonly seq: number
  readonly head: Uint8Array
}

/** What is known of the session that a statement claims to belong to. Members that are absent are not asked for. */
export interface SessionExpectations {
  /** Base64url of 48 bytes. */
  readonly sid: string
  readonly dir: Direction
  /** The kid that the statement must be meant for. */
  readonly aud: string
  readonly server?: string
  readonly position?: Position
  /** Wall-clock milliseconds: `ts` must be within 120 s of it. Only where the statement is seen for the first time. */
  readonly now?: number
  /**
   * Chain head (48 bytes) after the first `seq` statements of the other direction, which this end signed; undefined where
   * it never sent so many.
   */
  readonly headAt?: (seq: number) => Uint8Array | undefined
  /** What other evidence of the session already says against this statement. */
  readonly contradicted?: EvidenceError
}

/** What an answer must agree with. */
export interface Question {
  readonly server: string
  readonly exchange: number
}

/** What a piece of evidence is compared with. What is absent is not asked, and the verdict says so. */
export interface Expectations {
  /** Whether this key is trusted, and that time (ms since 1970, the signer's claim) lies within its window. */
  readonly trusts?: (kid: string, at: number) => boolean | 'outside'
  readonly session?: SessionExpectations
  /** The request whose statement has this digest (base64url); undefined where there was none. */
  readonly question?: (digest: string) => Question | undefined
}

/** Expectations that depend on what the statement claims are asked for once its signature was verified. */
export type Expect = Expectations | ((statement: Statement) => Expectations)
