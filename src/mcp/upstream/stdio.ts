import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { errorMessage } from '../errorReply.ts'
import type { ExchangeRequest, Responder } from '../exchange/gateway.ts'
import { header } from '../exchange/head.ts'
import { type Message, readMessage } from '../message.ts'
import type { StdioUpstreamConfig } from './config.ts'
import { notFound, refuse, unsupported } from './replies.ts'
import type { Leg } from './leg.ts'
import { isStateless, StatelessFront } from './stateless.ts'
import { StdioSession } from './stdioSession.ts'

/** Processes of one client, and of all clients. */
const MAX_OF_CLIENT = 64
const MAX_PROCESSES = 256
/** Ended MCP sessions whose agents are still told how they ended. */
const REMEMBERED = 256

/**
 * An MCP server that is a command. Each `initialize` starts a process of its own, so that two agents may use the same
 * request ids and see nothing of each other. Requests of the stateless revision share a process per client, as long as
 * their ids can be told apart.
 */
export class StdioUpstream {
  readonly leg: Leg = { reach: 'pipe', proxied: false }
  private readonly name: string
  private readonly config: StdioUpstreamConfig
  private readonly log: Log
  /** By `Mcp-Session-Id`. */
  private readonly sessions = new Map<string, StdioSession>()
  private readonly shared = new Set<StdioSession>()
  /** All whose process runs, also those that were told to end: a server may take its time over that. */
  private readonly running = new Set<StdioSession>()
  private readonly past = new Map<string, StdioSession>()
  private readonly front = new StatelessFront()
  private closed = false

  constructor(name: string, config: StdioUpstreamConfig, log: Log) {
    this.name = name
    this.config = config
    this.log = log
  }

  /** Answers the exchange, or rejects with the error to answer it with. */
  async handle(request: ExchangeRequest, respond: Responder): Promise<void> {
    const id = header(request.headers, 'mcp-session-id')
    const session = id === undefined ? undefined : this.sessions.get(id)
    if (id !== undefined) {
      if (session === undefined || session.kid !== request.peer.kid) return this.unknown(id, request, respond)
      session.sid = request.sid
    }
    switch (request.method) {
      case 'GET':
        if (session === undefined)
          return refuse(respond, 405, 'Countersign: without an MCP session there is no stream.')
        return session.listen(request, respond)
      case 'DELETE':
        if (id === undefined || session === undefined)
          return refuse(respond, 400, 'Countersign: Mcp-Session-Id is missing.')
        this.sessions.delete(id)
        await session.stop()
        return respond.body(200, [], new Uint8Array())
      case 'POST':
        return this.post(request, respond, session, id)
    }
  }

  /** The countersign session is over: nobody can reach its MCP sessions any more. */
  sessionEnded(sid: string): void {
    for (const session of this.running) if (session.sid === sid) void session.stop()
  }

  /** Ends every process. Resolves when they are gone, 2 s later at most. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all(Array.from(this.running, (session) => session.stop()))
  }

  private async post(
    request: ExchangeRequest,
    respond: Responder,
    session: StdioSession | undefined,
    id: string | undefined,
  ): Promise<void> {
    const message = readMessage(request.body)
    if (message.kind === 'batch') {
      throw new CountersignError('context-refused', `${this.name} takes no JSON-RPC batches. Nothing was passed on.`)
    }
    const stateless = isStateless(request, message)
    const isCall = message.kind === 'request'
    if (session !== undefined) {
      if (!isCall) return session.tell(message, request, respond)
      return session.call(message, request, respond, { stateless, ...(id === undefined ? {} : { sessionId: id }) })
    }
    if (isCall && message.method === 'initialize' && !stateless) return this.initialize(message, request, respond)
    if (!stateless) return refuse(respond, 400, 'Countersign: the MCP session is missing. Send initialize first.')
    return this.stateless(message, request, respond)
  }

  private async stateless(message: Message, request: ExchangeRequest, respond: Responder): Promise<void> {
    this.front.check(request, message)
    const supported = this.front.supportedInstead(message)
    if (supported !== undefined && message.kind === 'request') return unsupported(respond, message, supported)
    const mine = Array.from(this.shared).filter((shared) => shared.kid === request.peer.kid)
    const free = mine.find((shared) => shared.accepts(message)) ?? this.share(request)
    free.sid = request.sid
    if (message.kind !== 'request') return free.tell(message, request, respond)
    const learn = this.front.learner(message.method)
    return free.call(message, request, respond, { stateless: true, ...(learn === undefined ? {} : { learn }) })
  }

  private initialize(message: Message, request: ExchangeRequest, respond: Responder): Promise<void> {
    const sessionId = encodeBase64url(randomBytes(32))
    const session = this.start(request)
    this.sessions.set(sessionId, session)
    void session.ended.then(() => this.sessions.delete(sessionId) && this.remember(sessionId, session))
    return session.call(message, request, respond, { sessionId, stateless: false })
  }

  private share(request: ExchangeRequest): StdioSession {
    const session = this.start(request)
    this.shared.add(session)
    void session.ended.then(() => this.shared.delete(session))
    return session
  }

  private start(request: ExchangeRequest): StdioSession {
    const all = Array.from(this.running)
    const { kid } = request.peer
    if (this.closed) throw new CountersignError('server-gone', 'The gateway is closing.')
    if (all.length >= MAX_PROCESSES || all.filter((session) => session.kid === kid).length >= MAX_OF_CLIENT) {
      throw new CountersignError(
        'limit',
        `Too many processes of ${this.name} are running. Close a client and try again.`,
      )
    }
    const session = new StdioSession(this.name, this.config, { kid, sid: request.sid }, this.log)
    this.running.add(session)
    void session.ended.then(() => session.stop()).then(() => this.running.delete(session))
    return session
  }

  /** 404 makes a client begin a new MCP session; the message says why to whoever reads it. */
  private unknown(id: string, request: ExchangeRequest, respond: Responder): void {
    const session = this.past.get(id)
    if (session?.gone === undefined || session.kid !== request.peer.kid) return notFound(respond)
    const message = request.method === 'POST' ? readMessage(request.body) : undefined
    const token = message?.kind === 'request' ? message.id : undefined
    respond.body(404, [['content-type', 'application/json']], errorMessage(session.gone, token))
  }

  private remember(id: string, session: StdioSession): void {
    this.past.set(id, session)
    if (this.past.size <= REMEMBERED) return
    for (const oldest of this.past.keys()) {
      this.past.delete(oldest)
      return
    }
  }
}
