import { encodeBase64url } from '../../crypto/encoding.ts'
import { sha384Text } from '../../crypto/hash.ts'
import { randomSalt } from '../../crypto/random.ts'
import type { SentChain } from '../../evidence/chain.ts'
import { describeContext } from '../../evidence/describe.ts'
import { encodeStatement, NO_SERVER } from '../../evidence/statement.ts'
import type { Direction, Statement, StatementKind } from '../../evidence/types.ts'
import type { BatchItem, SignedBatch } from '../../keys/batching.ts'
import type { OutgoingContext } from '../api.ts'
import { CONTEXT_COST } from '../limits.ts'
import type { Exchanges } from './exchanges.ts'

const SALT_LENGTH = 32

/** What a session lends to the statements that it signs. */
export interface StatementSource {
  readonly sid: string
  readonly dir: Direction
  /** The peer's kid. */
  readonly aud: string
  readonly chain: SentChain
  readonly exchanges: Exchanges
  /** What this end verified and released of the other direction. */
  acknowledged(): { readonly seq: number; readonly head: Uint8Array }
  now(): number
}

/** Where an item goes from the signing queue. */
export interface OutgoingEvents {
  /** Its batch closed: the statement is made, and is signed or taken back next. */
  closed(item: Outgoing): void
  signed(item: Outgoing, batch: SignedBatch, index: number): void
  failed(item: Outgoing, error: Error): void
}

/** The exchange of a `close`, and in a Window the session as a whole: exchanges are numbered from 1. */
export const NO_EXCHANGE = 0

/** What a `close` is instead of a context. */
export type Closing = { readonly kind: 'close' }

/** One context on its way out. Its statement gets sequence, time and receipt when its batch closes, not before. */
export class Outgoing implements BatchItem {
  readonly session: string
  readonly kind: StatementKind
  readonly head: Uint8Array
  readonly body: Uint8Array
  readonly exchange: number
  readonly server: string
  readonly ref: number
  /** Number of its body on this connection; null where the body is empty. Set when its first fragment leaves. */
  transfer: number | null = null
  /** Bytes of the body that left. */
  sent = 0
  digest = ''
  /** Sequence of its statement, once its batch closed. */
  seq = 0
  /** Its Batch was handed to a carrier: from here on nobody can say that nothing was sent. */
  handed = false
  private readonly context: OutgoingContext | Closing
  private readonly source: StatementSource
  private readonly events: OutgoingEvents
  private readonly described: { readonly method?: string; readonly id?: string }
  private readonly digests: { readonly head: string; readonly body: string }
  private undo: () => void = () => {}

  /** @throws CountersignError of `describeContext` for a body that is no JSON-RPC message of its kind */
  constructor(context: OutgoingContext | Closing, ref: number, source: StatementSource, events: OutgoingEvents) {
    this.context = context
    this.ref = ref
    this.source = source
    this.events = events
    this.kind = context.kind
    const closing = context.kind === 'close'
    this.head = closing ? new Uint8Array(0) : context.head
    this.body = closing ? new Uint8Array(0) : context.body
    this.exchange = closing ? NO_EXCHANGE : context.exchange
    this.server = closing ? NO_SERVER : context.server
    this.session = `${source.sid} ${source.dir}`
    this.described = describeContext(this.kind, this.body)
    this.digests = { head: sha384Text(this.head), body: sha384Text(this.body) }
  }

  /** What it takes of the credits beside its body. */
  get cost(): number {
    return CONTEXT_COST + this.head.length
  }

  close(): Uint8Array {
    const { sid, dir, aud, chain, exchanges } = this.source
    if (this.context.kind !== 'close') exchanges.checkSending(this.context)
    const ack = this.source.acknowledged()
    const statement = encodeStatement({
      ...this.described,
      ...this.answer(),
      sid,
      dir,
      seq: chain.seq,
      kind: this.kind,
      server: this.server,
      exchange: this.exchange,
      head: this.digests.head,
      ts: this.source.now(),
      aud,
      salt: encodeBase64url(randomSalt(SALT_LENGTH)),
      ctx: { alg: 'sha-384', digest: this.digests.body, length: this.body.length },
      prev: encodeBase64url(chain.head),
      ack: { seq: ack.seq, head: encodeBase64url(ack.head) },
    })
    this.digest = sha384Text(statement)
    this.undo = this.advance(exchanges)
    this.seq = chain.seq
    chain.append(statement)
    this.events.closed(this)
    return statement
  }

  /** Its connection is lost: the body has to be sent again from its beginning, under another number. */
  restart(): void {
    this.sent = 0
    this.transfer = null
  }

  rollback(): void {
    this.source.chain.rollback()
    this.undo()
  }

  signed(batch: SignedBatch, index: number): void {
    this.events.signed(this, batch, index)
  }

  failed(error: Error): void {
    this.events.failed(this, error)
  }

  /** `exactOptionalPropertyTypes`: a member that is not there is not a member that is undefined. */
  private answer(): Pick<Statement, 'req' | 'end'> {
    if (this.context.kind === 'close') return {}
    const { req, end } = this.context
    return { ...(req === undefined ? {} : { req }), ...(end === undefined ? {} : { end }) }
  }

  /** Opens or closes the exchange; returns how to take that back. */
  private advance(exchanges: Exchanges): () => void {
    if (this.kind === 'request') {
      exchanges.request(this.exchange, this.server, this.digest)
      return () => exchanges.takeBack(this.exchange)
    }
    if (this.kind === 'end') {
      const opened = exchanges.end(this.exchange)
      return () => opened !== undefined && exchanges.reopen(this.exchange, opened)
    }
    return () => {}
  }
}
