import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { errorMessage } from '../errorReply.ts'
import type { ExchangeRequest, Responder } from '../exchange/gateway.ts'
import { header, type Header } from '../exchange/head.ts'
import { asLine } from '../lines.ts'
import { legible, type Message, readMessage, tokenKey } from '../message.ts'
import type { StdioUpstreamConfig } from './config.ts'
import { ServerProcess } from './process.ts'
import { accepted, refuse } from './replies.ts'
import { statusOfError } from './stateless.ts'
import { Pressure, StdioStream } from './stdioCall.ts'

interface Call {
  readonly stream: StdioStream
  readonly method: string
  /** The exact token of the request's id. */
  readonly id: string
  readonly progress: string | undefined
  readonly options: CallOptions
}

export interface CallOptions {
  readonly sessionId?: string
  /** A revision in which leaving cancels, and errors have an HTTP status. */
  readonly stateless: boolean
  /** Gets the answer too. */
  readonly learn?: (answer: Uint8Array) => void
}

/** Messages kept for a GET stream that is not open yet. Further ones are dropped, and said in the log. */
const QUEUED_MESSAGES = 256
const QUEUED_BYTES = 1024 * 1024
/** A cancelled call is answered by some servers and not by others: so long its stream stays open. */
const CANCEL_GRACE = 1_000

/** One MCP session with a stdio server: a process, and which of its messages belongs to which exchange. */
export class StdioSession {
  readonly kid: string
  readonly name: string
  /** The countersign session that used it last; with its end it ends. */
  sid: string
  /** Why the process ended, once it has. */
  gone: CountersignError | undefined
  readonly ended: Promise<CountersignError>
  private readonly log: Log
  private readonly process: ServerProcess
  private readonly pressure: Pressure
  /** By the id's key, oldest first. */
  private readonly calls = new Map<string, Call>()
  private listening: StdioStream | undefined
  private queue: Uint8Array[] = []
  private queued = 0
  private dropped = false
  private answered = false

  constructor(name: string, config: StdioUpstreamConfig, owner: { kid: string; sid: string }, log: Log) {
    this.name = name
    this.kid = owner.kid
    this.sid = owner.sid
    this.log = log
    this.process = new ServerProcess(name, config, log, (line) => this.received(line))
    this.pressure = new Pressure(this.process)
    this.ended = this.process.ended
    void this.ended.then((reason) => this.finish(reason))
  }

  get idle(): boolean {
    return this.calls.size === 0
  }

  /** Whether a request with this id can be told apart from those in flight. */
  accepts(message: Message): boolean {
    if (message.id !== undefined && this.calls.has(tokenKey(message.id))) return false
    const { progressToken } = message
    if (progressToken === undefined) return true
    const key = tokenKey(progressToken)
    return !Array.from(this.calls.values()).some((call) => call.progress === key)
  }

  /**
   * Passes a request on and answers the exchange with what comes back.
   * @throws CountersignError `context-refused` for an id that is in flight already
   */
  async call(message: Message, request: ExchangeRequest, respond: Responder, options: CallOptions): Promise<void> {
    const id = message.id ?? ''
    if (this.gone !== undefined) throw this.gone
    if (!this.accepts(message)) {
      throw new CountersignError(
        'context-refused',
        'A call with the same id is under way already. It was not passed on.',
      )
    }
    const headers = options.sessionId === undefined ? [] : [['mcp-session-id', options.sessionId] as const]
    const stream = new StdioStream(
      respond,
      this.pressure,
      headers,
      !options.stateless && prefersStream(request.headers),
    )
    const progress = message.progressToken === undefined ? undefined : tokenKey(message.progressToken)
    const key = tokenKey(id)
    const call = { stream, method: message.method ?? '', id, progress, options }
    this.calls.set(key, call)
    request.signal.addEventListener('abort', () => this.left(key, call, options.stateless), { once: true })
    await this.process.write(asLine(request.body))
    await stream.finished
  }

  /** A notification, or the answer to a request of the server. */
  async tell(message: Message, request: ExchangeRequest, respond: Responder): Promise<void> {
    if (this.gone !== undefined) throw this.gone
    await this.process.write(asLine(request.body))
    accepted(respond)
    if (message.method === 'notifications/cancelled' && message.requestId !== undefined)
      this.cancelled(message.requestId)
  }

  /** The GET stream: what belongs to no call. One at a time. */
  async listen(request: ExchangeRequest, respond: Responder): Promise<void> {
    if (this.listening !== undefined)
      return refuse(respond, 409, 'Countersign: this MCP session has its stream already.')
    if (this.gone !== undefined) throw this.gone
    const stream = new StdioStream(respond, this.pressure, [], true)
    this.listening = stream
    stream.begin()
    for (const line of this.queue.splice(0)) stream.message(line)
    this.queued = 0
    request.signal.addEventListener('abort', () => stream.abandon(), { once: true })
    await stream.finished
    this.listening = undefined
  }

  stop(): Promise<void> {
    return this.process.stop()
  }

  private received(line: Uint8Array): void {
    let message: Message
    try {
      message = readMessage(legible(line))
    } catch {
      this.log.log('warn', 'a server wrote a line that is no JSON-RPC message', {
        server: this.name,
        bytes: line.length,
      })
      return
    }
    if (message.kind === 'response') return this.answer(message, line)
    const stream = this.route(message)
    if (stream !== undefined) return stream.message(line)
    if (this.queue.length >= QUEUED_MESSAGES || this.queued + line.length > QUEUED_BYTES) {
      if (!this.dropped)
        this.log.log('warn', 'messages of a server are dropped: no stream is open', { server: this.name })
      this.dropped = true
      return
    }
    this.queue.push(line)
    this.queued += line.length
  }

  /** An exchange that the message names, else the newest in flight, else the GET stream. */
  private route(message: Message): StdioStream | undefined {
    const calls = Array.from(this.calls.values())
    if (message.subscription !== undefined) return this.calls.get(tokenKey(message.subscription))?.stream
    if (message.method === 'notifications/progress' && message.progressToken !== undefined) {
      const key = tokenKey(message.progressToken)
      return calls.find((call) => call.progress === key)?.stream ?? this.listening
    }
    return calls.at(-1)?.stream ?? this.listening
  }

  private answer(message: Message, line: Uint8Array): void {
    const key = message.id === undefined ? '' : tokenKey(message.id)
    const call = this.calls.get(key)
    if (call === undefined) {
      this.log.log('debug', 'a server answered a call that nobody waits for', { server: this.name })
      return
    }
    this.calls.delete(key)
    this.answered = true
    const { stateless } = call.options
    const refused = call.method === 'initialize' && message.failed === true && !stateless
    // An MCP session that was refused has no id, and no process.
    call.options.learn?.(line)
    if (refused) call.stream.answer(line, { headers: [] })
    else call.stream.answer(line, stateless && message.failed === true ? { status: statusOfError(line) } : {})
    if (refused) void this.stop()
  }

  /** The client closed the exchange. Where that means cancelling, a stdio server has to be told in words. */
  private left(key: string, call: Call, stateless: boolean): void {
    call.stream.abandon()
    if (this.calls.get(key) !== call) return
    this.calls.delete(key)
    if (!stateless) return
    const params = `{"requestId":${call.id},"reason":"The client closed the request."}`
    const notification = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`
    this.process.write(asLine(Buffer.from(notification))).catch(() => {})
  }

  private cancelled(id: string): void {
    const key = tokenKey(id)
    const call = this.calls.get(key)
    if (call === undefined) return
    setTimeout(() => {
      if (this.calls.get(key) !== call) return
      this.calls.delete(key)
      call.stream.end()
    }, CANCEL_GRACE).unref()
  }

  private finish(reason: CountersignError): void {
    const notStarted = reason.code === 'server-start' || !this.answered
    this.gone = notStarted ? failedToStart(reason) : reason
    const error = notStarted ? this.gone : duringCall(this.name, reason)
    for (const call of this.calls.values()) call.stream.answer(errorMessage(error, call.id), { headers: [] })
    this.calls.clear()
    this.listening?.end()
    this.queue = []
  }
}

/**
 * A body and a stream are both right for a call. In an MCP session whoever names the stream first gets one, as from servers with
 * a transport of their own; in the stateless revision these stream only where something precedes the answer.
 */
function prefersStream(headers: readonly Header[]): boolean {
  return /^\s*text\/event-stream\s*[,;]/i.test(header(headers, 'accept') ?? '')
}

function duringCall(name: string, reason: CountersignError): CountersignError {
  const what = reason.code === 'limit' ? reason.message : `The server ${name} ended during the call.`
  const sentence = `${what} It may have carried it out: look before you repeat it.`
  return new CountersignError('outcome-unknown', sentence, { cause: reason })
}

function failedToStart(reason: CountersignError): CountersignError {
  if (reason.code === 'server-start') return reason
  return new CountersignError(
    'server-start',
    `${reason.message} It had answered nothing: check its command and arguments.`,
    {
      cause: reason,
    },
  )
}
