import { encodeBase64url } from '../crypto/encoding.ts'
import { constantTimeEqual } from '../crypto/hash.ts'
import { chainNext, chainStart } from './chain.ts'
import { badStatement, replayed } from './errors.ts'
import type { Position, Question, SessionExpectations } from './expectations.ts'
import type { Direction, Statement } from './types.ts'

/** Where in one file a direction of a session stands: a file holds its statements in order. */
export interface FilePosition {
  next?: number
}

const SECOND_HISTORY = 'Another statement has this sequence: one key signed two histories.'

interface Claim {
  readonly head: string
  readonly where: string
}

function other(dir: Direction): Direction {
  return dir === 'c2s' ? 's2c' : 'c2s'
}

/** One direction of a session as the files tell it. */
class OfflineChain {
  /** Chain head after so many statements, as far as the files say. */
  readonly heads = new Map<number, Uint8Array>()
  /** What the other direction acknowledged of this one, by number of statements. */
  readonly acknowledged = new Map<number, Claim>()
  /** Its last statement was read: nothing can be missing behind it. */
  closed = false

  constructor(sid: string, dir: Direction) {
    this.heads.set(0, chainStart(sid, dir))
  }
}

/**
 * What is known of one session over all files: who its two ends are, its chains, its questions. Two files that tell
 * different histories of one session contradict each other here, in whatever order they are read.
 */
export class OfflineSession {
  private readonly chains: Readonly<Record<Direction, OfflineChain>>
  private readonly signers: { [dir in Direction]?: string } = {}
  private readonly questions = new Map<string, Question>()

  constructor(sid: string) {
    this.chains = { c2s: new OfflineChain(sid, 'c2s'), s2c: new OfflineChain(sid, 's2c') }
  }

  /**
   * What a statement must agree with.
   * @param bytes the statement's
   * @throws EvidenceError when another key signs this direction
   */
  expectations(statement: Statement, bytes: Uint8Array, kid: string, at: FilePosition): SessionExpectations {
    const { sid, dir, ack } = statement
    const signer = this.signers[dir]
    if (signer !== undefined && signer !== kid) throw badStatement('One direction of a session is signed by two keys.')
    const position = this.position(statement, at)
    const acked = this.chains[other(dir)].heads.get(ack.seq)
    return {
      sid,
      dir,
      aud: this.signers[other(dir)] ?? statement.aud,
      ...(position !== undefined && { position }),
      ...(acked !== undefined && { headAt: () => acked }),
      ...(this.isSecondHistory(statement, bytes) && { contradicted: replayed(SECOND_HISTORY) }),
    }
  }

  /** undefined where the statements before are not in the files. */
  private position({ dir, seq }: Statement, { next }: FilePosition): Position | undefined {
    const { heads } = this.chains[dir]
    // In one file sequences only rise: a lower one is a statement that was put in twice.
    const expected = next !== undefined && seq < next ? next : seq
    const head = heads.get(expected)
    return head === undefined ? undefined : { seq: expected, head }
  }

  private isSecondHistory({ dir, seq, prev }: Statement, bytes: Uint8Array): boolean {
    const known = this.chains[dir].heads.get(seq + 1)
    return known !== undefined && !constantTimeEqual(known, chainNext(Buffer.from(prev, 'base64url'), bytes))
  }

  question(digest: string): Question | undefined {
    return this.questions.get(digest)
  }

  /** Takes a statement that agreed with `expectations` into the history. */
  add(statement: Statement, bytes: Uint8Array, digest: string, kid: string, where: string): void {
    const { dir, seq, ack, server, exchange } = statement
    const prev = Buffer.from(statement.prev, 'base64url')
    const { heads } = this.chains[dir]
    if (statement.kind === 'close') this.chains[dir].closed = true
    heads.set(seq, prev)
    heads.set(seq + 1, chainNext(prev, bytes))
    this.signers[dir] = kid
    this.signers[other(dir)] ??= statement.aud
    if (statement.kind === 'request') this.questions.set(digest, { server, exchange })
    const answered = this.chains[other(dir)]
    if (!answered.heads.has(ack.seq)) answered.acknowledged.set(ack.seq, { head: ack.head, where })
  }

  /** Directions whose `close` was not read: statements may be missing at their end, and no file can show that. */
  *unclosed(): Generator<Direction> {
    for (const dir of ['c2s', 's2c'] as const) if (!this.chains[dir].closed) yield dir
  }

  /** Acknowledgements of statements that were not read yet when they were made, compared now. */
  *late(): Generator<{ readonly where: string; readonly agrees: boolean | undefined }> {
    for (const { heads, acknowledged } of Object.values(this.chains)) {
      for (const [seq, { head, where }] of acknowledged) {
        const actual = heads.get(seq)
        yield { where, agrees: actual === undefined ? undefined : encodeBase64url(actual) === head }
      }
    }
  }
}
