import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { CountersignError } from '../../support/errors.ts'
import type { Tunnel, TunnelRequest, TunnelResponse } from '../exchange/client.ts'
import { allowedHeaders, isResponseHeader, mediaType } from '../exchange/head.ts'
import { SseSplitter } from '../exchange/sse.ts'
import { Gathered } from '../gathered.ts'

const MAX_BODY = 16 * 1024 * 1024
/** Below the 5 s after which the bridge closes an idle connection: a request on a closing one is lost. */
const IDLE_SOCKET = 4_000
/** Of a window that does not even say whether it has a server. */
const PROBE_LIMIT = 2_000

export interface EditorPlace {
  readonly socket: string
  readonly token: string
  readonly gateway?: string
}

/** What a window said when it was asked for a server; `gone`: nobody listens at that socket any more. */
export type Probe = 'has' | 'has-not' | 'refused' | 'gone' | 'silent'

/** Exchanges through the session of an editor's window: the window's bridge, over its socket. */
export class EditorTunnel implements Tunnel {
  readonly closed: Promise<undefined>
  private readonly place: EditorPlace
  private readonly agent = new Agent({ keepAlive: true, timeout: IDLE_SOCKET })
  private setClosed: () => void = () => {}
  private over = false

  constructor(place: EditorPlace) {
    this.place = place
    this.closed = new Promise((resolve) => {
      this.setClosed = () => resolve(undefined)
    })
  }

  /** The window is gone, or refused the token: whoever uses this has to look for another one. */
  get ended(): boolean {
    return this.over
  }

  /** Whether the window has the server and takes the token. Never rejects. */
  async probe(server: string): Promise<Probe> {
    const empty = { method: 'HEAD', headers: [], body: new Uint8Array() } as const
    try {
      const response = await this.send(server, empty, AbortSignal.timeout(PROBE_LIMIT))
      response.resume()
      if (response.statusCode === 401) return 'refused'
      return response.statusCode === 204 ? 'has' : 'has-not'
    } catch (thrown) {
      const code = thrown instanceof CountersignError && thrown.cause instanceof Error ? thrown.cause : undefined
      return code !== undefined && 'code' in code && code.code === 'ECONNREFUSED' ? 'gone' : 'silent'
    }
  }

  /**
   * One exchange, as `ExchangeClient.open`.
   * @throws CountersignError `session-closed` (the window is gone, nothing was sent), `unauthorized`, `cancelled`, `limit`,
   * `outcome-unknown` (the window went away after the request was sent)
   */
  async open(server: string, request: TunnelRequest, signal?: AbortSignal): Promise<TunnelResponse> {
    const response = await this.send(server, request, signal)
    const status = response.statusCode ?? 502
    if (status === 401) {
      response.destroy()
      this.close()
      throw new CountersignError('unauthorized', REVOKED)
    }
    const headers = allowedHeaders(response.rawHeaders, isResponseHeader)
    if (mediaType(headers) === 'text/event-stream') {
      return { kind: 'stream', status, headers, events: this.events(response, server, signal) }
    }
    return { kind: 'body', status, headers, body: await this.collect(response, server, signal) }
  }

  close(): void {
    this.over = true
    this.agent.destroy()
    this.setClosed()
  }

  private send(
    server: string,
    { method, headers, body }: { readonly method: string } & Pick<TunnelRequest, 'headers' | 'body'>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const { socket: socketPath, token, gateway } = this.place
    const path = gateway === undefined ? `/mcp/${server}` : `/mcp/${gateway}/${server}`
    const fields = { ...Object.fromEntries(headers), host: 'localhost', authorization: `Bearer ${token}` }
    const length = method === 'POST' ? { 'content-length': body.length } : {}
    return new Promise((resolve, reject) => {
      let sent = false
      const options = { socketPath, path, method, agent: this.agent, headers: { ...fields, ...length } }
      const outgoing = httpRequest(signal === undefined ? options : { ...options, signal })
      outgoing.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => (sent = true))
        else sent = true
      })
      outgoing.once('response', resolve)
      // Not once: a request may fail a second time, and an error without a listener ends the process.
      outgoing.on('error', (cause) => reject(sent ? this.broken(server, signal, cause) : this.gone(signal, cause)))
      outgoing.end(body.length === 0 ? undefined : body)
    })
  }

  private async *events(
    response: IncomingMessage,
    server: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const splitter = new SseSplitter()
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) yield* splitter.push(chunk)
    } catch (cause) {
      if (cause instanceof CountersignError) throw cause
      const { code, message } = this.broken(server, signal, cause)
      // A stream whose events have ids can be taken up again where it broke off, also through another window.
      throw new CountersignError(code === 'cancelled' ? code : 'server-gone', message, { cause })
    }
  }

  private async collect(
    response: IncomingMessage,
    server: string,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const body = new Gathered(MAX_BODY)
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (!body.add(chunk)) throw new CountersignError('limit', `The answer of ${server} is longer than 16 MiB.`)
      }
    } catch (cause) {
      throw cause instanceof CountersignError ? cause : this.broken(server, signal, cause)
    }
    return body.take()
  }

  private gone(signal: AbortSignal | undefined, cause: unknown): CountersignError {
    if (signal?.aborted === true) return new CountersignError('cancelled', 'The call was cancelled.', { cause })
    this.close()
    return new CountersignError('session-closed', 'The editor’s window is gone. Nothing was sent.', { cause })
  }

  private broken(server: string, signal: AbortSignal | undefined, cause: unknown): CountersignError {
    if (signal?.aborted === true) return new CountersignError('cancelled', 'The call was cancelled.', { cause })
    const sentence = `The editor’s window went away before ${server} had answered. It may have carried out the call: look before you repeat it.`
    return new CountersignError('outcome-unknown', sentence, { cause })
  }
}

export const REVOKED =
  'This agent may not use the editor: it was not added there, or was revoked. Add to Agent… in the editor allows it.'
