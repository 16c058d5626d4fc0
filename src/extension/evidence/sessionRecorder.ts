import type { Custody } from '../../contracts/custody.ts'
import { sha384Text } from '../../crypto/hash.ts'
import { chainNext, chainStart } from '../../evidence/chain.ts'
import type { Expectations, Position } from '../../evidence/expectations.ts'
import { parseStatement } from '../../evidence/statement.ts'
import type { Direction, EvidenceEntry, Statement } from '../../evidence/types.ts'
import type {
  ConnectionEvent,
  EpochReport,
  HandshakeReport,
  Rejection,
  SessionObserver,
  UpstreamLeg,
} from '../../session/api.ts'
import { Emitter } from '../../support/emitter.ts'
import { toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { Interruption } from '../sessions/interruption.ts'
import type { ContextStore, NewRow } from './contextStore.ts'
import { EpochHistory } from './epochHistory.ts'
import { peekQuestion, questionOf, type Question } from './question.ts'
import type { Refused } from './recorded.ts'

export interface Party {
  readonly kid: string
  readonly custody: Custody
}

interface Asked extends Question {
  readonly server: string
  readonly exchange: number
}

interface Waiting {
  readonly ref: string
  readonly body: Uint8Array
  readonly since: number
}

/**
 * Follows one session for the panel. It keeps its own chain heads, questions and parties, so that evidence is compared with
 * what the handshake established and with what came before, never with what the evidence says of itself.
 */
export class SessionRecorder implements SessionObserver {
  private readonly store: ContextStore
  private readonly gateway: string
  private readonly self: Party
  private readonly legsChanged: () => void
  /** Set once the gateway proved its key and was trusted. */
  peer: Party | undefined
  /** Of the connection that there is, or was last. */
  report: HandshakeReport | undefined
  /** What the gateway says of the legs to its servers; undefined: nothing. */
  told: readonly UpstreamLeg[] | undefined
  readonly epochs = new EpochHistory()
  private readonly interruptions = new Emitter<Interruption | undefined>()
  readonly onInterrupted = this.interruptions.event
  private lostAt = 0
  private readonly waiting = new Map<number, Waiting>()
  private readonly asked = new Map<string, Asked>()
  private readonly open = new Map<number, string>()
  private readonly positions = new Map<Direction, Position>()

  constructor(store: ContextStore, gateway: string, self: Party, legsChanged: () => void = () => {}) {
    this.store = store
    this.gateway = gateway
    this.self = self
    this.legsChanged = legsChanged
  }

  handshake(report: HandshakeReport): void {
    this.report = report
    this.epochs.connected(this.store.clock.now())
  }

  epoch(report: EpochReport): void {
    this.epochs.rekeyed(report)
  }

  connection(event: ConnectionEvent): void {
    if (event.kind === 'lost') {
      this.lostAt = event.at
      this.epochs.lost(event.at)
    } else if (event.kind === 'resumed') this.interruptions.fire(undefined)
    else this.interruptions.fire({ since: this.lostAt, next: event.next, error: event.error })
  }

  legs(told: readonly UpstreamLeg[] | undefined): void {
    this.told = told
    this.legsChanged()
  }

  pending({ ref, sid, server, kind, body }: Parameters<NonNullable<SessionObserver['pending']>>[0]): void {
    const { custody } = this.self
    const row = { sid, server, kind, custody, dir: 'c2s' as const, size: body.length, ...peekQuestion(kind, body) }
    const waiting = { ref: this.store.pending(row, this.gateway), body, since: this.store.clock.monotonic() }
    this.waiting.set(ref, waiting)
  }

  settled(ref: number, outcome: 'sent' | 'failed' | 'cancelled'): void {
    const waiting = this.waiting.get(ref)
    // What was sent is settled by its evidence, which follows.
    if (waiting === undefined || outcome === 'sent') return
    this.waiting.delete(ref)
    const why =
      outcome === 'failed'
        ? t('It could not be signed, so nothing was sent.')
        : t('It was cancelled before it was signed, so nothing was sent.')
    this.store.unsigned(waiting.ref, why)
  }

  /** The session is over: nothing of it is pending any more. */
  ended(): void {
    for (const { ref } of this.waiting.values()) {
      this.store.unsigned(ref, t('The session ended before it was sent.'))
    }
    this.waiting.clear()
    if (this.report !== undefined) this.store.ended(this.report.sid)
  }

  evidence(entry: EvidenceEntry): void {
    try {
      this.record(entry, parseStatement(entry.statement))
    } catch (thrown) {
      const direction = entry.how === 'sent' ? 'c2s' : 's2c'
      const error = toCountersignError(thrown)
      this.rejected({ sid: this.report?.sid ?? '', direction, at: entry.at, alert: 110, error })
    }
  }

  rejected(rejection: Rejection): void {
    const { entry } = rejection
    this.store.reject(rejection, this.gateway, entry === undefined ? undefined : this.refused(entry))
  }

  /** What did not verify, with what it was compared with. Nothing of it moves the chain on, or answers a question. */
  private refused(entry: EvidenceEntry): Refused | undefined {
    const statement = readable(entry)
    if (statement === undefined) return undefined
    const expected = this.expectations(entry, statement)
    // Statements before it in its batch held and were dropped with it: where the chain stood then is not known here.
    const { position: _, ...anywhere } = expected.session
    const session = entry.index === 0 ? expected.session : anywhere
    const asked = this.asked.get(statement.req ?? '')
    return { recorded: { entry, statement, expected: { ...expected, session } }, ...(asked && { asked }) }
  }

  private record(entry: EvidenceEntry, statement: Statement): void {
    const waiting = entry.how === 'sent' ? this.take(entry) : undefined
    const { expected, chain } = this.expected(entry, statement)
    this.epochs.counted()
    const question = this.question(entry, statement)
    const [signer, audience] = this.parties(entry)
    const row: NewRow = {
      at: entry.at,
      dir: statement.dir,
      server: statement.server,
      kind: statement.kind,
      size: statement.ctx.length,
      custody: signer?.custody ?? 'unknown',
      exchange: statement.exchange,
      sid: statement.sid,
      seq: statement.seq,
      ack: statement.ack.seq,
      chain,
      ...(signer === undefined ? {} : { signer: signer.kid }),
      ...(audience === undefined ? {} : { audience: audience.kid }),
      ...(question?.method === undefined ? {} : { method: question.method.slice(0, 256) }),
      ...(question?.tool === undefined ? {} : { tool: question.tool.slice(0, 256) }),
    }
    const queued = waiting === undefined ? {} : { queued: this.store.clock.monotonic() - waiting.since }
    this.store.add({ ...row, ...queued }, this.gateway, { entry, statement, expected, chain, ...queued }, waiting?.ref)
  }

  /** What a statement is compared with, and the chain head after it. */
  private expected(
    entry: EvidenceEntry,
    statement: Statement,
  ): { readonly expected: Expectations; readonly chain: Uint8Array } {
    const expected = this.expectations(entry, statement)
    const { dir, position } = expected.session
    const chain = chainNext(position.head, entry.statement)
    this.positions.set(dir, { seq: position.seq + 1, head: chain })
    return { expected, chain }
  }

  /** Signer and audience, as the handshake established them. */
  private parties({ how }: EvidenceEntry): [Party | undefined, Party | undefined] {
    return how === 'sent' ? [this.self, this.peer] : [this.peer, this.self]
  }

  private expectations(entry: EvidenceEntry, statement: Statement) {
    const sent = entry.how === 'sent'
    const dir: Direction = sent ? 'c2s' : 's2c'
    const [signer, audience] = this.parties(entry)
    const sid = this.report?.sid ?? ''
    const position = this.positions.get(dir) ?? { seq: 0, head: chainStart(sid, dir) }
    const asked = statement.req === undefined ? undefined : this.asked.get(statement.req)
    return {
      trusts: (kid: string) => kid === signer?.kid,
      session: { sid, dir, aud: audience?.kid ?? '', position },
      question: (digest: string) => (digest === statement.req ? asked : undefined),
    }
  }

  /** What was asked: by the statement itself, or for an answer by the question of its exchange. */
  private question(entry: EvidenceEntry, statement: Statement): Question | undefined {
    const { kind, server, exchange, method, req } = statement
    if (kind === 'request') {
      const digest = sha384Text(entry.statement)
      const question = { ...questionOf(method, entry.context), server, exchange }
      this.asked.set(digest, question)
      this.open.set(exchange, digest)
      return question
    }
    const asked = this.asked.get(req ?? this.open.get(exchange) ?? '')
    // A response is followed by the end of its exchange, which answers the same question.
    if (kind === 'end') {
      this.asked.delete(this.open.get(exchange) ?? '')
      this.open.delete(exchange)
    }
    // Only messages are about something: a request or notification of the server, or else the answer to what was asked.
    if (kind !== 'response' && kind !== 'event') return undefined
    return method === undefined ? asked : { method }
  }

  /** The pending row that this evidence settles: the oldest with the same buffer. */
  private take({ context }: EvidenceEntry): Waiting | undefined {
    for (const [ref, waiting] of this.waiting) {
      if (waiting.body !== context) continue
      this.waiting.delete(ref)
      return waiting
    }
    return undefined
  }
}

function readable({ statement }: EvidenceEntry): Statement | undefined {
  try {
    return parseStatement(statement)
  } catch {
    return undefined
  }
}
