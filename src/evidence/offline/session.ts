import { badStatement } from '../errors.ts'
import type { SessionExpectations } from '../expectations.ts'
import { Recent } from '../journal/recent.ts'
import type { Question } from '../expectations.ts'
import type { Direction, Draft, Statement } from '../types.ts'
import { HeadBook, OfflineChain } from './chain.ts'

/** Over all sessions, as long as a file refers to them. */
const QUESTIONS = 65_536
const CLAIMS = 65_536

/** Where a statement was read. */
export interface Where {
  readonly file: string
  readonly line: number
}

/** A statement whose signature was verified, on its way into the history. */
export interface Reading {
  readonly statement: Statement
  /** SHA-384 of its bytes, and of `prev` and them: the chain head after it. Base64url. */
  readonly digest: string
  readonly next: string
  readonly kid: string
  /** A number for each file. */
  readonly file: number
}

/** What a later statement says against one that was read before. */
export interface Contradiction extends Where {
  readonly note: string
}

interface Claim extends Where {
  readonly head: string
}

/** What all sessions share: it is bounded as a whole, however many there are. */
export class History {
  readonly heads = new HeadBook()
  readonly questions = new Recent<Question>(QUESTIONS)
  /** Acknowledgements of statements that were not read yet, by chain and number. */
  readonly claims = new Recent<Claim>(CLAIMS)
  /** How many questions there were: beyond those that are kept nobody can say that one was never asked. */
  asked = 0

  get remembersAllQuestions(): boolean {
    return this.asked <= QUESTIONS
  }
}

export function other(dir: Direction): Direction {
  return dir === 'c2s' ? 's2c' : 'c2s'
}

/**
 * What is known of one session over all files: who its two ends are, its chains, its questions. Two files that tell
 * different histories of one session contradict each other here, in whatever order they are read.
 */
export class OfflineSession {
  readonly sid: string
  readonly chains: Readonly<Record<Direction, OfflineChain>>
  /** The kids of the two ends: as they signed, or as the other addressed them. */
  readonly signers: { [dir in Direction]?: string } = {}
  /** Acknowledgements of statements that were not read. */
  unread = 0
  /** Digests of its handshakes' transcripts that a bundle or a journal brought, and whether one of them leads to `sid`. */
  handshakes = 0
  bound = false
  private readonly history: History

  constructor(sid: string, history: History) {
    this.sid = sid
    this.history = history
    this.chains = {
      c2s: new OfflineChain(history.heads, sid, 'c2s'),
      s2c: new OfflineChain(history.heads, sid, 's2c'),
    }
  }

  /** What a statement must agree with. @throws EvidenceError when another key signs this direction */
  expectations({ statement, next, kid, file }: Omit<Reading, 'digest'>): SessionExpectations {
    const { sid, dir, ack } = statement
    const signer = this.signers[dir]
    if (signer !== undefined && signer !== kid) throw badStatement('One direction of a session is signed by two keys.')
    const chain = this.chains[dir]
    const acked = this.chains[other(dir)]
    const position = chain.position(statement, file)
    const head = acked.headAt(ack.seq)
    const contradicted = chain.contradiction(statement, next, file) ?? this.contradictedAck(statement)
    const aud = this.signers[other(dir)] ?? statement.aud
    const expected: Draft<SessionExpectations> = { sid, dir, aud }
    if (position !== undefined) expected.position = position
    if (head !== undefined) expected.headAt = () => Buffer.from(head, 'base64url')
    if (contradicted !== undefined) expected.contradicted = contradicted
    return expected
  }

  /** The question that an answer names: 'never asked' where all that its signer can have seen is here, and it is not among it. */
  question({ req, ack }: Statement): Question | 'never asked' | undefined {
    const { questions, remembersAllQuestions } = this.history
    const known = req === undefined ? undefined : questions.get(`${this.sid} ${req}`)
    if (known !== undefined || req === undefined) return known
    return remembersAllQuestions && this.chains.c2s.read.covers(ack.seq) ? 'never asked' : undefined
  }

  /** Takes a statement that agreed with `expectations` into the history. @returns what that says against earlier ones */
  add({ statement, digest, next, kid, file }: Reading, where: Where): readonly Contradiction[] {
    const { dir, seq, kind, prev, ack, server, exchange } = statement
    const { questions, claims } = this.history
    const chain = this.chains[dir]
    chain.add(statement, next, file)
    this.signers[dir] = kid
    this.signers[other(dir)] ??= statement.aud
    if (kind === 'request') {
      questions.add(`${this.sid} ${digest}`, { server, exchange })
      this.history.asked++
    }
    const acked = this.chains[other(dir)]
    acked.acknowledged = Math.max(acked.acknowledged, ack.seq)
    if (acked.headAt(ack.seq) === undefined) {
      const name = `${acked.id} ${ack.seq}`
      if (claims.get(name) === undefined) this.unread++
      claims.add(name, { ...where, head: ack.head })
    }
    // Nearly always: then no name has to be made for nothing.
    if (this.unread === 0) return NONE
    // What was acknowledged before this statement can be in no file; that it was itself, can not come before it.
    const settled = [this.settled(chain, seq, prev), this.settled(chain, seq + 1, next, where)]
    return settled.filter((found) => found !== undefined)
  }

  /** One direction is one signer: it cannot acknowledge two things by one number, and nothing behind a close. */
  private contradictedAck({ dir, ack }: Statement) {
    const { id, end } = this.chains[other(dir)]
    const claim = this.unread === 0 ? undefined : this.history.claims.get(`${id} ${ack.seq}`)
    if ((end !== undefined && ack.seq > end) || (claim !== undefined && claim.head !== ack.head)) {
      return badStatement(OTHER_ACK)
    }
    return undefined
  }

  /**
   * Compares an acknowledgement that was read before what it is of. Each end writes down what it acknowledges before it says
   * so, and what it sends before the other can acknowledge it: in one file an acknowledgement never comes first.
   */
  private settled({ id }: OfflineChain, seq: number, head: string, now?: Where): Contradiction | undefined {
    const name = `${id} ${seq}`
    const claim = this.history.claims.get(name)
    if (claim === undefined) return undefined
    this.history.claims.delete(name)
    this.unread--
    const { file, line } = claim
    if (claim.head !== head) return { file, line, note: OTHER_ACK }
    return file === now?.file
      ? { file, line, note: 'A statement acknowledges one that comes after it: they were moved.' }
      : undefined
  }
}

const NONE: readonly Contradiction[] = []
const OTHER_ACK = 'A statement acknowledges something else than was sent.'
