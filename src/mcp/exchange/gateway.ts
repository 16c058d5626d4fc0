import type { PeerIdentity, Session, VerifiedContext } from '../../session/api.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { type Log, silentLog } from '../../support/log.ts'
import { MAX_OPEN_EXCHANGES } from './client.ts'
import { decodeRequestHead, type RequestHead } from './head.ts'
import { checkMcpHeaders } from './mcpHeaders.ts'
import { type Responder, ServerExchange } from './serverExchange.ts'

export type { Responder } from './serverExchange.ts'

/** A verified request, to be carried out at most once. */
export interface ExchangeRequest extends RequestHead {
  readonly server: string
  readonly exchange: number
  /** The countersign session it came in. */
  readonly sid: string
  readonly peer: PeerIdentity
  readonly body: Uint8Array
  /** Aborted when the client cancels or the session ends. */
  readonly signal: AbortSignal
}

/** May throw or reject as long as it has not answered: the client then gets the error. */
export type ExchangeHandler = (request: ExchangeRequest, respond: Responder) => Promise<void> | void

/**
 * Requests of open exchanges that are kept in memory without holding back the client. Beyond it the credit of a request
 * returns when its server begins to answer: a few large and slow calls must not stop all others, nor fill the memory.
 */
const MAX_HELD = 256 * 1024 * 1024
/** Exchange numbers that are remembered. The client counts up; batches and lanes reorder them by far less than this. */
const NUMBERS = 65_536

/** The gateway's end of all exchanges of one session. It is the session's only receiver. */
export class ExchangeServer {
  private readonly session: Session
  private readonly handler: ExchangeHandler
  private readonly log: Log
  private readonly exchanges = new Map<number, ServerExchange>()
  private readonly seen = new Set<number>()
  /** Bytes of the requests of open exchanges. */
  private held = 0
  private highest = -1
  private over = false

  constructor(session: Session, handler: ExchangeHandler, log: Log = silentLog) {
    this.session = session
    this.handler = handler
    this.log = log
    session.receive((context) => this.received(context))
    void session.closed.then(() => this.ended())
  }

  private async received(context: VerifiedContext): Promise<void> {
    if (this.over) return
    try {
      const { kind, exchange } = context.statement
      if (kind === 'request') await this.begin(context)
      else if (kind === 'cancel' && this.seen.has(exchange)) {
        if (context.body.length > 0 || context.head.length > 0) throw violation('is a cancellation with content')
        // Of an exchange that just ended: the cancellation and the end crossed on their way.
        this.exchanges.get(exchange)?.cancel()
      } else throw violation('may not come now')
    } catch (thrown) {
      const error = toCountersignError(thrown)
      this.log.log('error', error.message, { peer: this.session.peer.name, code: error.code })
      this.ended()
      this.session.close().catch(() => {})
    }
  }

  /** Resolves when the credit of the request's bytes may return. */
  private begin(context: VerifiedContext): Promise<void> {
    const { statement, body } = context
    this.remember(statement.exchange)
    const head = decodeRequestHead(context.head)
    return new Promise((settled) => {
      const where = { exchange: statement.exchange, server: statement.server, req: context.digest }
      const exchange = new ServerExchange(this.session, where, { body, live: head.method === 'GET' }, settled)
      this.exchanges.set(statement.exchange, exchange)
      const { signal } = exchange
      const { sid, peer } = this.session
      const request = { ...head, server: statement.server, exchange: statement.exchange, sid, peer, body, signal }
      this.held += body.length
      if (this.held <= MAX_HELD) settled()
      void this.run(request, exchange)
    })
  }

  private async run(request: ExchangeRequest, exchange: ServerExchange): Promise<void> {
    try {
      if (this.exchanges.size > MAX_OPEN_EXCHANGES) {
        throw new CountersignError('limit', 'There are 4096 calls under way already. The call was not carried out.')
      }
      checkMcpHeaders(request, request.body)
      await this.handler(request, exchange)
      if (!exchange.done) throw new CountersignError('internal', 'The gateway had no answer to this call.')
    } catch (thrown) {
      const error = toCountersignError(thrown)
      this.log.log('warn', error.message, { server: request.server, code: error.code })
      exchange.fail(error)
    } finally {
      this.held -= request.body.length
      this.exchanges.delete(request.exchange)
    }
  }

  private remember(exchange: number): void {
    if (this.seen.has(exchange) || exchange <= this.highest - NUMBERS) throw violation('repeats an exchange')
    this.seen.add(exchange)
    this.highest = Math.max(this.highest, exchange)
    if (this.seen.size <= 2 * NUMBERS) return
    for (const number of this.seen) if (number <= this.highest - NUMBERS) this.seen.delete(number)
  }

  private ended(): void {
    this.over = true
    for (const exchange of this.exchanges.values()) exchange.drop()
    this.exchanges.clear()
  }
}

function violation(how: string): CountersignError {
  return new CountersignError('peer-protocol', `The client sent a context that ${how}. The session was closed.`)
}
