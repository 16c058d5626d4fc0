import { sha384Text } from '../crypto/hash.ts'
import { chainNext, chainStart } from './chain.ts'
import { checkQuestion, checkSession } from './checks.ts'
import { badStatement } from './errors.ts'
import type { Expectations, Position, Question, SessionExpectations } from './expectations.ts'
import { isWithin, type KeyWindow } from './keyWindow.ts'
import { parseStatement } from './statement.ts'
import type { Direction, Evidence, Statement } from './types.ts'
import type { EvidenceVerifier } from './verifier.ts'

/** What a receiver knows beside its own position. */
export interface ReceiverExpectations extends Pick<SessionExpectations, 'aud' | 'server' | 'now' | 'headAt'> {
  /** The one key whose statements are taken. */
  readonly kid?: string
  /** When that key counts. */
  readonly window?: KeyWindow
  readonly question?: (digest: string) => Question | undefined
}

export interface Accepted {
  readonly statement: Statement
  /** SHA-384 of the statement's bytes, base64url: what answers name in `req`. */
  readonly digest: string
}

/**
 * The receiving end of one direction of a session: knows the next sequence and the chain head. A statement that is not
 * acceptable leaves everything as it was.
 */
export class StatementChecker {
  private readonly sid: string
  private readonly dir: Direction
  private next = 0
  private head: Uint8Array
  private acknowledged = 0
  private turn: Promise<unknown> = Promise.resolve()

  constructor(sid: string, dir: Direction) {
    this.sid = sid
    this.dir = dir
    this.head = chainStart(sid, dir)
  }

  /** What to acknowledge: how many statements were accepted, and the chain head (48 bytes) after them. */
  get position(): Position {
    return { seq: this.next, head: this.head }
  }

  /**
   * Checks a statement whose signature was verified elsewhere, and advances.
   * @throws EvidenceError `statement-invalid` (110, 112 for the clock), `replay` (111)
   */
  check(bytes: Uint8Array, expected: ReceiverExpectations): Accepted {
    const statement = parseStatement(bytes)
    const { session, question } = this.expectations(statement, expected)
    if (session !== undefined) checkSession(statement, session)
    if (statement.req !== undefined && question !== undefined) checkQuestion(statement, question(statement.req))
    return this.advance(statement, bytes, sha384Text(bytes))
  }

  /**
   * Verifies a whole piece of evidence and advances; calls take their turn, so a session may hand over a batch at once.
   * @throws EvidenceError with the alert for the peer
   */
  async accept(verifier: EvidenceVerifier, evidence: Evidence, expected: ReceiverExpectations): Promise<Accepted> {
    const before = this.turn
    const mine = before.then(async () => {
      const verdict = await verifier.verify(evidence, (claimed) => this.expectations(claimed, expected))
      const { statement, digest, error } = verdict
      if (error !== undefined || statement === undefined || digest === undefined) {
        throw error ?? badStatement('A statement did not verify.')
      }
      return this.advance(statement, evidence.statement, digest)
    })
    // One that was refused does not stand in the way of the next: the session decides what follows from it.
    this.turn = mine.catch(() => {})
    return await mine
  }

  private expectations(statement: Statement, expected: ReceiverExpectations): Expectations {
    const { kid, window = {}, question, ...session } = expected
    if (statement.ack.seq < this.acknowledged && statement.seq >= this.next) {
      throw badStatement('A statement takes an acknowledgement back.')
    }
    return {
      session: { ...session, position: this.position, sid: this.sid, dir: this.dir },
      ...(kid !== undefined && {
        trusts: (signer: string, at: number) => signer === kid && (isWithin(window, at) || 'outside'),
      }),
      ...(question !== undefined && { question }),
    }
  }

  private advance(statement: Statement, bytes: Uint8Array, digest: string): Accepted {
    this.next = statement.seq + 1
    this.head = chainNext(this.head, bytes)
    this.acknowledged = statement.ack.seq
    return { statement, digest }
  }
}
