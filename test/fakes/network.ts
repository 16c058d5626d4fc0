import type { EvidenceEntry } from '../../src/evidence/types.ts'
import type { Session, VerifiedContext } from '../../src/session/api.ts'
import { connectSession } from '../../src/session/client.ts'
import { acceptConnection } from '../../src/session/gateway.ts'
import { type SessionLimits, SessionTable } from '../../src/session/resume/sessionTable.ts'
import { DEFAULT_SUITES } from '../../src/crypto/suite.ts'
import { CountersignError } from '../../src/support/errors.ts'
import { MemoryCarrier } from './memoryCarrier.ts'
import type { AcceptChanges, ConnectChanges, Party } from './party.ts'

/** A network in memory between clients and one gateway: it can be cut, be away, and come back. */
export class Network {
  readonly host: Party
  /** Pairs of carriers, the client's first, in the order in which they were connected. */
  readonly carriers: (readonly [MemoryCarrier, MemoryCarrier])[] = []
  /** Sessions that the gateway began, without those that it resumed. */
  readonly sessions: Session[] = []
  /** What connections ended with in their handshake, at the gateway. */
  readonly refused: unknown[] = []
  /** False: nobody can connect. */
  up = true
  /** What a session's contexts are handed to. */
  onSession: (session: Session) => void = () => {}
  /** A connection is made: a test can get at its ends before the first frame. */
  onCarrier: (pair: readonly [MemoryCarrier, MemoryCarrier]) => void = () => {}
  private table: SessionTable
  private readonly changes: AcceptChanges

  constructor(host: Party, changes: AcceptChanges = {}, limits?: SessionLimits) {
    this.host = host
    this.changes = changes
    this.table = new SessionTable(limits)
  }

  /** The gateway forgets all that it knows, as one that is started again. */
  restart(): void {
    const old = this.table
    this.table = new SessionTable()
    this.cut()
    for (const session of old.all()) session.end(undefined, undefined)
  }

  /** A client of this network; it reconnects quickly. */
  async connect(party: Party, changes: ConnectChanges = {}): Promise<Session> {
    const trust = { checkGateway: async () => 'accept' as const }
    const carrier = (): Promise<MemoryCarrier> => this.carrier()
    const options = { ...party.ports, carrier, suites: DEFAULT_SUITES, trust, random: () => 0, ...changes }
    return await connectSession(options)
  }

  /** Ends every connection that there is, without a word. */
  cut(): void {
    for (const [left, right] of this.carriers) {
      left.break()
      right.break()
    }
  }

  carrier(): Promise<MemoryCarrier> {
    if (!this.up) return Promise.reject(new CountersignError('gateway-unreachable', 'The network is away.'))
    const pair = MemoryCarrier.pair()
    this.carriers.push(pair)
    this.onCarrier(pair)
    void this.accept(pair[1])
    return Promise.resolve(pair[0])
  }

  private async accept(carrier: MemoryCarrier): Promise<void> {
    const clients = { checkClient: async () => 'accept' as const }
    const options = { ...this.host.ports, carrier, suites: DEFAULT_SUITES, clients, ...this.changes }
    try {
      const { session, resumed } = await acceptConnection(options, this.table)
      if (resumed) return
      this.sessions.push(session)
      this.onSession(session)
    } catch (error) {
      this.refused.push(error)
    }
  }
}

/** Answers each request with its own bytes, once, and counts how often it was asked. */
export class Echo {
  readonly asked = new Map<string, number>()
  /** Before the answer. */
  delay: () => Promise<void> = () => Promise.resolve()

  readonly serve = (session: Session): void => {
    session.receive(async (context) => {
      if (context.statement.kind !== 'request') return
      const key = context.statement.id ?? ''
      this.asked.set(key, (this.asked.get(key) ?? 0) + 1)
      void this.answer(session, context).catch(() => {})
    })
  }

  private async answer(session: Session, { statement, digest }: VerifiedContext): Promise<void> {
    await this.delay()
    const { server, exchange, id } = statement
    const where = { server, exchange, head: new Uint8Array(0), req: digest }
    const body = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},"result":{"echo":${id}}}`)
    await Promise.all([
      session.send({ kind: 'response', ...where, body }),
      session.send({ kind: 'end', ...where, body: new Uint8Array(0), end: { events: 0, reason: 'complete' } }),
    ])
  }
}

/** Calls over a session, each with an id of its own, and what became of them. */
export class Caller {
  readonly answers = new Map<string, string[]>()
  readonly outcomes = new Map<string, string>()
  private readonly session: Session
  private readonly waiting = new Map<number, (answer: string) => void>()
  private over = false

  constructor(session: Session) {
    this.session = session
    session.receive(({ statement, body }) => {
      if (statement.kind !== 'response') return
      const answer = Buffer.from(body).toString()
      const id = statement.id ?? ''
      this.answers.set(id, [...(this.answers.get(id) ?? []), answer])
      this.waiting.get(statement.exchange)?.(answer)
      this.waiting.delete(statement.exchange)
    })
    void session.closed.then(() => {
      this.over = true
      for (const settle of this.waiting.values()) settle('outcome-unknown')
    })
  }

  /** Resolves to `answered`, or to the code of what went wrong. Never rejects. */
  async call(id: string, padding = 0): Promise<string> {
    const exchange = this.session.nextExchange()
    const answered = new Promise<string>((resolve) => this.waiting.set(exchange, resolve))
    const body = new TextEncoder().encode(
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"pad":"${'x'.repeat(padding)}"}}`,
    )
    const context = { kind: 'request', server: 'echo', exchange, head: new Uint8Array(0), body } as const
    let outcome: string
    try {
      await this.session.send(context)
      const answer = this.over && this.waiting.has(exchange) ? 'outcome-unknown' : await answered
      outcome = answer === `{"jsonrpc":"2.0","id":${id},"result":{"echo":${id}}}` ? 'answered' : answer
    } catch (error) {
      outcome = error instanceof CountersignError ? error.code : 'another error'
    }
    this.outcomes.set(id, outcome)
    return outcome
  }
}

/** Statements of one direction in the order of a journal, as text: both ends must have the same. */
export function chainOf(journal: readonly EvidenceEntry[], how: 'sent' | 'received'): string[] {
  return journal.filter((entry) => entry.how === how).map(({ statement }) => Buffer.from(statement).toString())
}
