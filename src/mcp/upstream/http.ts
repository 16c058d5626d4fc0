import type { ClientRequest, IncomingMessage } from 'node:http'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { errorMessage } from '../errorReply.ts'
import type { ExchangeRequest, Responder } from '../exchange/gateway.ts'
import { allowedHeaders, header, type Header, isResponseHeader, mediaType } from '../exchange/head.ts'
import { Gathered } from '../gathered.ts'
import { messageEvent, readEvent, SseSplitter } from '../exchange/sse.ts'
import { answerId, readMessage } from '../message.ts'
import { eachChunk } from './chunks.ts'
import { checkHttpUpstream, type HttpUpstreamConfig } from './config.ts'
import { Connections, distrust, watchConnection } from './connections.ts'
import { HttpLeg, type Leg, watchAgreement } from './leg.ts'
import { mayHoldTokens } from './oauth/address.ts'
import type { Grant } from './oauth/grant.ts'
import { notFound } from './replies.ts'
import type { SessionIds } from './sessionIds.ts'

const MAX_BODY = 16 * 1024 * 1024

/**
 * An MCP server that speaks Streamable HTTP. Every request is sent at most once, whatever becomes of its connection; a second
 * time only with another token, after the server has said (401) that it did nothing with the first.
 */
export class HttpUpstream {
  private readonly name: string
  private readonly url: URL
  private readonly config: HttpUpstreamConfig
  private readonly sessions: SessionIds
  private readonly connections: Connections
  private readonly grant: Grant | undefined
  private readonly way: HttpLeg

  /**
   * @param grantFor makes what holds the gateway's tokens for this server; there is none where its credentials are configured
   * @param reached told when `leg` has changed
   * @throws CountersignError `config-invalid`
   */
  constructor(
    name: string,
    config: HttpUpstreamConfig,
    sessions: SessionIds,
    grantFor?: GrantFor,
    reached: () => void = () => {},
  ) {
    this.name = name
    this.config = config
    this.sessions = sessions
    this.url = checkHttpUpstream(name, config)
    this.connections = new Connections(config)
    this.way = new HttpLeg(this.url, config.proxy !== undefined, reached)
    this.grant = usesTokens(this.url, config) ? grantFor?.(name, this.url, this.connections) : undefined
  }

  get leg(): Leg {
    return this.way.leg
  }

  /** Answers the exchange, or rejects with the error to answer it with. */
  async handle(request: ExchangeRequest, respond: Responder): Promise<void> {
    const id = header(request.headers, 'mcp-session-id')
    if (id !== undefined && !this.sessions.owns(this.name, id, request.peer.kid)) return notFound(respond)
    const response = await this.ask(request)
    try {
      const headers = this.check(response)
      this.track(request, response.statusCode ?? 0, headers)
      if (mediaType(headers) === 'text/event-stream') await this.stream(request, response, headers, respond)
      else respond.body(response.statusCode ?? 502, headers, await this.collect(response))
    } finally {
      // Whatever was not read must not keep the socket, nor come up as the answer to somebody else.
      if (!response.readableEnded) response.destroy()
    }
  }

  close(): void {
    this.connections.close()
  }

  private async ask(request: ExchangeRequest): Promise<IncomingMessage> {
    if (this.grant === undefined) return await this.send(request)
    const token = await this.grant.token()
    const response = await this.send(request, token)
    if (response.statusCode !== 401) return response
    response.destroy()
    const other = await this.grant.renewed(token)
    if (other === undefined) throw this.unauthorized()
    return await this.send(request, other)
  }

  private send(request: ExchangeRequest, token?: string): Promise<IncomingMessage> {
    const options = { method: request.method, headers: this.outgoing(request, token), signal: request.signal }
    return new Promise((resolve, reject) => {
      const outgoing = this.connections.request(this.url, options)
      const connected = watchConnection(outgoing, this.url.protocol === 'https:')
      watchAgreement(outgoing, (reach) => this.way.agreed(reach))
      outgoing.once('response', resolve)
      // Not once: a request may fail a second time, and an error without a listener ends the gateway.
      outgoing.on('error', (cause) => reject(this.failed(cause, connected(), outgoing, request.signal)))
      outgoing.end(request.body.length === 0 ? undefined : request.body)
    })
  }

  private outgoing(request: ExchangeRequest, token: string | undefined): Record<string, string | number> {
    const headers: Record<string, string | number> = Object.fromEntries(request.headers)
    for (const [name, value] of Object.entries(this.config.headers ?? {})) headers[name.toLowerCase()] = value
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    headers['accept-encoding'] = 'identity'
    if (request.method === 'POST') headers['content-length'] = request.body.length
    return headers
  }

  private check(response: IncomingMessage): readonly Header[] {
    const status = response.statusCode ?? 0
    // An agent that sees 401 starts OAuth with whoever the server names; it is the gateway that has the credentials.
    if (status === 401 && this.grant !== undefined) throw this.unauthorized()
    if (status === 401 || status === 403 || status === 407) {
      const sentence = `${this.name} refused the gateway's credentials (${status}). Set them in "headers" of its configuration.`
      throw new CountersignError(status === 403 ? 'forbidden' : 'unauthorized', sentence)
    }
    if (status < 200 || (status >= 300 && status < 400) || status > 599) {
      throw this.refused(`answered with status ${status}; redirects are not followed`)
    }
    const encoding = response.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') throw this.refused('compressed its answer unasked')
    try {
      return allowedHeaders(response.rawHeaders, isResponseHeader)
    } catch (cause) {
      throw this.refused('sent headers that cannot be passed on', cause)
    }
  }

  private track(request: ExchangeRequest, status: number, headers: readonly Header[]): void {
    const given = header(headers, 'mcp-session-id')
    if (given !== undefined && status < 300) this.sessions.bind(this.name, given, request.peer.kid)
    const used = header(request.headers, 'mcp-session-id')
    if (used !== undefined && (status === 404 || (request.method === 'DELETE' && status < 300))) {
      this.sessions.forget(this.name, used)
    }
  }

  private async collect(response: IncomingMessage): Promise<Uint8Array> {
    const body = new Gathered(MAX_BODY)
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (!body.add(chunk)) throw new CountersignError('limit', `The answer of ${this.name} is longer than 16 MiB.`)
      }
    } catch (thrown) {
      throw thrown instanceof CountersignError ? thrown : this.unknown(thrown)
    }
    return body.take()
  }

  private async stream(
    request: ExchangeRequest,
    response: IncomingMessage,
    headers: readonly Header[],
    respond: Responder,
  ): Promise<void> {
    respond.head(response.statusCode ?? 200, headers)
    const splitter = new SseSplitter()
    let resumable = false
    let last: Uint8Array | undefined
    const id = answerId(request.body)
    // One after the other: a read may hold thousands of them.
    const pass = async (events: readonly Uint8Array[]): Promise<void> => {
      for (const event of events) {
        if (!resumable && Buffer.from(event).includes('id:')) resumable ||= readEvent(event).id !== undefined
        last = event
        await respond.event(event)
      }
    }
    try {
      // 'data' and 'end' rather than an async loop: an event and the end after it in one read then share a signature.
      await eachChunk(response, request.signal, (chunk) => {
        const events = splitter.push(chunk)
        return events.length === 0 ? undefined : pass(events)
      })
      respond.end('complete')
    } catch (thrown) {
      const error = thrown instanceof CountersignError ? thrown : this.unknown(thrown)
      // With event ids the agent can ask for the rest. Without, it would wait for an answer that never comes.
      if (resumable || id === undefined) return respond.end('broken')
      if (!isAnswer(last)) await respond.event(messageEvent(errorMessage(error, id)))
      respond.end('complete')
    }
  }

  private failed(cause: unknown, connected: boolean, outgoing: ClientRequest, signal: AbortSignal): CountersignError {
    if (signal.aborted) return new CountersignError('cancelled', 'The call was cancelled.', { cause })
    if (connected) return this.unknown(cause)
    if (cause instanceof CountersignError) return cause
    const reason = distrust(outgoing)
    if (reason !== undefined) {
      const sentence = `The certificate of ${this.name} was not accepted (${reason}). Nothing was sent to it; of a server with an authority of its own, name that one's file as "ca".`
      return new CountersignError('upstream', sentence, { cause })
    }
    const sentence = `${this.name} cannot be reached. Nothing was sent to it; check that it runs and its address is right.`
    return new CountersignError('upstream', sentence, { cause })
  }

  private unauthorized(): CountersignError {
    const command = `countersign authorize --config FILE --server ${this.name}`
    const sentence = `${this.name} asks who the gateway is, and what the gateway has to show for itself is missing or over. Its operator should run "${command}". The call was not carried out.`
    return new CountersignError('unauthorized', sentence)
  }

  private unknown(cause: unknown): CountersignError {
    const sentence = `The connection to ${this.name} broke before its answer. It may have carried out the call: look before you repeat it.`
    return new CountersignError('outcome-unknown', sentence, { cause: toCountersignError(cause) })
  }

  private refused(what: string, cause?: unknown): CountersignError {
    return new CountersignError('upstream', `${this.name} ${what}. The answer was not passed on.`, { cause })
  }
}

/** Makes the grant of a server. */
export type GrantFor = (name: string, url: URL, connections: Connections) => Grant

function usesTokens(url: URL, { headers = {} }: HttpUpstreamConfig): boolean {
  return mayHoldTokens(url) && Object.keys(headers).every((name) => name.toLowerCase() !== 'authorization')
}

function isAnswer(event: Uint8Array | undefined): boolean {
  const data = event === undefined ? undefined : readEvent(event).data
  try {
    return data !== undefined && readMessage(data).kind === 'response'
  } catch {
    return false
  }
}
