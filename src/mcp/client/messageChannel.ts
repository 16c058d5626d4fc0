import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { type Log, silentLog } from '../../support/log.ts'
import type { Tunnel, TunnelRequest, TunnelResponse } from '../exchange/client.ts'
import { openExchange } from '../exchange/openExchange.ts'
import { header, type Header, mediaType } from '../exchange/head.ts'
import { readEvent } from '../exchange/sse.ts'
import { type Message, readMessage, STATELESS, tokenKey } from '../message.ts'
import { MirroredArguments } from '../mirroredArguments.ts'
import { answers, negotiated } from './answers.ts'
import { postHeaders } from './requestHeaders.ts'
import { statusError } from './statusError.ts'

export interface ChannelOptions {
  /** The exchanges to use; may connect first. Called for every message, so that a lost session can be made anew. */
  readonly connect: () => Promise<Tunnel>
  readonly server: string
  /** Each message of the server, its exact bytes. The next one of the same stream waits for the promise. */
  readonly onMessage: (message: Uint8Array) => Promise<void> | void
  readonly log?: Log
}

interface Call {
  readonly abort: AbortController
  readonly stateless: boolean
  answered: boolean
}

/** How often in a row a stream is opened again that brings nothing, and the pause before it. */
const REOPEN = 3
const REOPEN_DELAY = 1_000
/** After `notifications/cancelled` most servers answer nothing: so long the call stays open. */
const CANCEL_GRACE = 2_000
const GOODBYE = 2_000
/** A server need not begin its GET stream before it has something to say on it. */
const START_LIMIT = 1_000
const EMPTY = new Uint8Array()

/** Streamable HTTP seen as messages: what an agent on stdio or an SDK client needs to use an exchange client. */
export class MessageChannel {
  private readonly options: ChannelOptions
  private readonly log: Log
  private readonly open = new Set<Call>()
  /** Those that are requests, by the key of their id. */
  private readonly calls = new Map<string, Call>()
  /** Resolves when the GET stream stands, or will not. */
  private readonly started: Promise<void>
  private setStarted: () => void = () => {}
  /**
   * What later messages wait for: a server drops what it wants to ask outside of a call while there is no GET stream, and
   * an agent on stdio does not know that there is one, so it does not wait for it.
   */
  private starting: Promise<void> | undefined
  private readonly over = new AbortController()
  private readonly mirrored = new MirroredArguments()
  private sessionId: string | undefined
  private protocolVersion: string | undefined

  constructor(options: ChannelOptions) {
    this.options = options
    this.log = options.log ?? silentLog
    this.started = new Promise((resolve) => {
      this.setStarted = resolve
    })
  }

  /**
   * Sends one message. For a request it resolves when everything that it was answered with has been taken by `onMessage`;
   * if it rejects, there was no answer and there will be none.
   * @throws CountersignError `context-refused` (not JSON-RPC), `upstream`, `server-gone`, those of `Tunnel.open`
   */
  async send(bytes: Uint8Array): Promise<void> {
    const message = readMessage(bytes)
    if (message.method === 'notifications/cancelled' && this.cancelled(message)) return
    const stateless = (message.protocolVersion ?? '') >= STATELESS
    const call: Call = { abort: new AbortController(), stateless, answered: false }
    const key = message.kind === 'request' ? tokenKey(message.id ?? '""') : undefined
    if (key !== undefined) this.calls.set(key, call)
    this.open.add(call)
    try {
      if (message.method === 'notifications/initialized')
        this.starting = Promise.race([this.started, pause(START_LIMIT)])
      else if (message.method !== 'initialize') await this.starting
      const request = { method: 'POST', headers: this.headers(message, bytes), body: bytes } as const
      const response = await this.request(request, call.abort.signal)
      await this.take(message, response, call)
      if (message.method === 'notifications/initialized') void this.listen()
    } finally {
      this.open.delete(call)
      if (key !== undefined) this.calls.delete(key)
    }
  }

  /** Ends the MCP session (DELETE) and every call. Never rejects. */
  async close(): Promise<void> {
    if (this.over.signal.aborted) return
    this.over.abort()
    for (const call of this.open) call.abort.abort()
    if (this.sessionId === undefined) return
    try {
      const request = { method: 'DELETE', headers: this.common(), body: EMPTY } as const
      await this.request(request, AbortSignal.timeout(GOODBYE))
    } catch (thrown) {
      this.log.log('debug', 'the MCP session was not ended in order', { code: toCountersignError(thrown).code })
    }
  }

  private async request(request: TunnelRequest, signal: AbortSignal): Promise<TunnelResponse> {
    return await openExchange(this.options.connect, this.options.server, request, signal)
  }

  private async take(message: Message, response: TunnelResponse, call: Call): Promise<void> {
    if (message.method === 'initialize') this.sessionId = header(response.headers, 'mcp-session-id')
    const isCall = message.kind === 'request'
    if (response.kind === 'stream') {
      const cursor = await this.events(response, message, call)
      if (isCall && !call.answered && cursor !== undefined) await this.follow(cursor, message, call)
    } else if (response.status >= 400 && !answers(message, response.body)) {
      throw statusError(this.options.server, response)
    } else if (response.body.length > 0 && mediaType(response.headers) === 'application/json') {
      await this.emit(response.body, message, call)
    }
    if (isCall && !call.answered && !call.abort.signal.aborted) throw unanswered(this.options.server)
  }

  /** Emits the messages of a stream. Returns the id of its last event, if events had any, to ask for what follows it. */
  private async events(
    response: Extract<TunnelResponse, { kind: 'stream' }>,
    message?: Message,
    call?: Call,
  ): Promise<string | undefined> {
    let cursor: string | undefined
    try {
      for await (const bytes of response.events) {
        const event = readEvent(bytes)
        cursor = event.id ?? cursor
        if (event.type === 'message' && event.data !== undefined && event.data.length > 0) {
          await this.emit(event.data, message, call)
        }
      }
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (error.code !== 'server-gone' || (message !== undefined && cursor === undefined)) throw error
    }
    return cursor
  }

  /** A call whose stream ended early: its server keeps what follows, under the id of the last event. */
  private async follow(from: string, message: Message, call: Call): Promise<void> {
    let cursor: string | undefined = from
    for (let tries = 0; tries < REOPEN && cursor !== undefined && !call.answered; tries += 1) {
      await pause(REOPEN_DELAY, call.abort.signal)
      const response = await this.request(this.get(cursor), call.abort.signal)
      if (response.kind !== 'stream') return
      const next = await this.events(response, message, call)
      if (next !== undefined && next !== cursor) tries = -1
      cursor = next ?? cursor
    }
  }

  /** The GET stream: what the server says outside of calls. Servers without one answer 405. */
  private async listen(): Promise<void> {
    const { signal } = this.over
    let cursor: string | undefined
    try {
      for (let tries = 0; tries < REOPEN && !signal.aborted; tries += 1) {
        const response = await this.request(this.get(cursor), signal)
        this.setStarted()
        if (response.kind !== 'stream') return
        const next = await this.events(response)
        if (next !== undefined && next !== cursor) tries = -1
        cursor = next ?? cursor
        await pause(REOPEN_DELAY, signal)
      }
    } catch (thrown) {
      const { code } = toCountersignError(thrown)
      if (!signal.aborted) this.log.log('warn', 'the server can say nothing outside of calls', { code })
    } finally {
      this.setStarted()
    }
  }

  private async emit(bytes: Uint8Array, request?: Message, call?: Call): Promise<void> {
    const message = readMessage(bytes)
    const isAnswer = message.kind === 'response' && request?.id !== undefined && message.id !== undefined
    if (isAnswer && call !== undefined && tokenKey(message.id ?? '') === tokenKey(request.id ?? '')) {
      call.answered = true
      if (request.method === 'initialize') this.protocolVersion = negotiated(bytes)
      if (request.method === 'tools/list') this.mirrored.learn(bytes)
    }
    if (message.kind === 'batch' && call !== undefined) call.answered = true
    await this.options.onMessage(bytes)
  }

  /** True if the notification has been dealt with: in the stateless revision leaving the exchange is how one cancels. */
  private cancelled(message: Message): boolean {
    const call = message.requestId === undefined ? undefined : this.calls.get(tokenKey(message.requestId))
    if (call === undefined) return false
    if (call.stateless) call.abort.abort()
    else setTimeout(() => call.abort.abort(), CANCEL_GRACE).unref()
    return call.stateless
  }

  private headers(message: Message, bytes: Uint8Array): readonly Header[] {
    const mirrored = message.method === 'tools/call' ? this.mirrored.of(message.name, bytes) : []
    return [...postHeaders(message, mirrored), ...this.common(message.protocolVersion)]
  }

  private get(cursor: string | undefined): TunnelRequest {
    const last: readonly Header[] = cursor === undefined ? [] : [['last-event-id', cursor]]
    return { method: 'GET', headers: [['accept', 'text/event-stream'], ...this.common(), ...last], body: EMPTY }
  }

  private common(version: string | undefined = this.protocolVersion): readonly Header[] {
    const headers: Header[] = []
    if (this.sessionId !== undefined) headers.push(['mcp-session-id', this.sessionId])
    if (version !== undefined) headers.push(['mcp-protocol-version', version])
    return headers
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    signal?.addEventListener('abort', over)
  })
}

function unanswered(server: string): CountersignError {
  const sentence = said`${server} ended its answer early. It may have carried out the call: look before you repeat it.`
  return new CountersignError('outcome-unknown', sentence)
}
