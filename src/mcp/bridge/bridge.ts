import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { chmod, rm } from 'node:fs/promises'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { type Log, silentLog } from '../../support/log.ts'
import { errorReply } from '../errorReply.ts'
import type { Tunnel, TunnelResponse } from '../exchange/client.ts'
import { allowedHeaders, type ExchangeMethod, isRequestHeader } from '../exchange/head.ts'
import { openExchange } from '../exchange/openExchange.ts'
import { Gathered } from '../gathered.ts'
import { answerId } from '../message.ts'
import { admit, type Admitted, isRefusal } from './guard.ts'
import { writeBody, writeStream } from './reply.ts'
import { socketPath } from './socketFolder.ts'
import type { TokenCheck } from './tokens.ts'

/**
 * Where the servers are. `gateway` is the one that the agent named, if it named one. `open` may connect first; it rejects
 * with the error that the agent is shown.
 */
export interface Routes {
  has(server: string, gateway?: string): boolean
  open(server: string, signal: AbortSignal, gateway?: string): Promise<Tunnel>
}

export interface BridgeOptions {
  readonly routes: Routes
  readonly tokens: TokenCheck
  /** Milliseconds between comments on an idle stream. */
  readonly keepAlive?: number
  /** Connections of agents at once; further ones are closed. Default 1024. */
  readonly connections?: number
  readonly log?: Log
}

const MAX_BODY = 16 * 1024 * 1024
const KEEP_ALIVE = 15_000
/** Far more than one person's agents have, with one for each call and stream; not so many that no file can be opened. */
const CONNECTIONS = 1024
const EMPTY = new Uint8Array()

/** The loopback endpoint that agents connect to, `/mcp/NAME` for each server. Nothing here speaks to a network. */
export class Bridge {
  private readonly options: BridgeOptions
  private readonly log: Log
  private readonly servers = new Set<Server>()
  private readonly paths = new Set<string>()

  constructor(options: BridgeOptions) {
    this.options = options
    this.log = options.log ?? silentLog
  }

  /** Listens on 127.0.0.1; port 0 takes a free one. Returns the endpoint's origin, `http://127.0.0.1:PORT`. */
  async listen(port = 0): Promise<string> {
    const authorities: string[] = []
    const server = this.server(authorities)
    await start(server, { host: '127.0.0.1', port })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new CountersignError('internal', 'No port was bound.')
    const bound = address.port
    authorities.push(`127.0.0.1:${bound}`, `localhost:${bound}`)
    return `http://127.0.0.1:${bound}`
  }

  /**
   * Listens on a socket in `folder` (mode 0700, made where missing), on Windows on a pipe. Returns its path, whose last part
   * begins with `prefix`.
   * @throws CountersignError `file-permissions`, `config-invalid`
   */
  async listenSocket(folder: string, prefix = ''): Promise<string> {
    const path = await socketPath(folder, prefix)
    const server = this.server(undefined)
    await start(server, { path })
    if (process.platform !== 'win32') {
      this.paths.add(path)
      await chmod(path, 0o600)
    }
    return path
  }

  /** Stops listening and ends every connection; exchanges under way are cancelled. */
  async close(): Promise<void> {
    const closing = Array.from(this.servers, (server) => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      return closed
    })
    this.servers.clear()
    await Promise.all(closing)
    await Promise.all(Array.from(this.paths, (path) => rm(path, { force: true })))
  }

  private server(authorities: readonly string[] | undefined): Server {
    const server = createServer((request, response) => {
      this.serve(request, response, authorities).catch((thrown: unknown) => {
        this.log.log('error', 'a request failed', { code: toCountersignError(thrown).code })
        response.destroy()
      })
    })
    // Tool calls last as long as they last. What has to be quick is the request itself (Node: 60 s for its headers).
    server.requestTimeout = 120_000
    server.maxConnections = this.options.connections ?? CONNECTIONS
    this.servers.add(server)
    return server
  }

  private async serve(
    request: IncomingMessage,
    response: ServerResponse,
    authorities: readonly string[] | undefined,
  ): Promise<void> {
    const admitted = admit(request, authorities, this.options.tokens)
    if (isRefusal(admitted)) {
      const error = new CountersignError(admitted.status === 401 ? 'unauthorized' : 'forbidden', admitted.sentence)
      if (admitted.status === 401) response.setHeader('www-authenticate', 'Bearer realm="countersign"')
      if (admitted.status === 405) response.setHeader('allow', 'GET, POST, DELETE')
      return this.turnAway(request, response, { ...errorReply(error, EMPTY), status: admitted.status })
    }
    if (!this.options.routes.has(admitted.server, admitted.gateway)) {
      const error = new CountersignError('server-unknown', said`There is no server ${admitted.server} here.`)
      return this.turnAway(request, response, { ...errorReply(error, EMPTY), status: 404 })
    }
    if (admitted.method === 'HEAD') {
      response.writeHead(204).end()
      return
    }
    const body = await readBody(request)
    if (body === undefined) {
      const error = new CountersignError('limit', 'The message is longer than 16 MiB. It was not passed on.')
      return this.turnAway(request, response, { ...errorReply(error, EMPTY), status: 413 })
    }
    await this.tunnel(request, response, { ...admitted, method: admitted.method }, body)
  }

  private async tunnel(
    request: IncomingMessage,
    response: ServerResponse,
    { server, gateway, agent, method }: Tunnelled,
    body: Uint8Array,
  ): Promise<void> {
    const abort = new AbortController()
    // 'close' comes after every response, also after one that was written in full and has nothing left to cancel.
    response.once('close', () => {
      if (!response.writableFinished) abort.abort()
    })
    try {
      const headers = allowedHeaders(request.rawHeaders, isRequestHeader)
      const connect = (): Promise<Tunnel> => this.options.routes.open(server, abort.signal, gateway)
      const tunnel = await openExchange(connect, server, { method, headers, body }, abort.signal)
      checkStatus(tunnel)
      // Again before each thing that the agent is told: a call lasts, and its agent may have been revoked meanwhile.
      const checkAgent = (): void => {
        if (this.options.tokens.agentOf(request.headers.authorization) !== agent) throw revoked()
      }
      checkAgent()
      if (tunnel.kind === 'body') writeBody(response, tunnel)
      else await writeStream(response, tunnel, answerId(body), this.options.keepAlive ?? KEEP_ALIVE, checkAgent)
    } catch (thrown) {
      // A stream that was opened and is not passed on would stay open, and keep its credit, behind a finished response.
      abort.abort()
      const error = toCountersignError(thrown)
      if (error.code !== 'cancelled') this.log.log('warn', error.message, { server, code: error.code })
      writeBody(response, errorReply(error, body))
    }
  }

  /** Answers without having read the body; the connection ends, since what follows on it is the rest of that body. */
  private turnAway(request: IncomingMessage, response: ServerResponse, reply: Parameters<typeof writeBody>[1]): void {
    if (!request.complete) response.setHeader('connection', 'close')
    writeBody(response, reply)
    if (!request.complete) request.resume()
  }
}

type Tunnelled = Admitted & { readonly method: ExchangeMethod }

function revoked(): CountersignError {
  return new CountersignError('unauthorized', 'This agent was revoked in Countersign. Its answer is not passed on.')
}

/** The gateway never sends these (docs/PROTOCOL.md): an agent would start OAuth, or follow a redirect around us. */
function checkStatus({ status }: TunnelResponse): void {
  if (status !== 401 && status !== 407 && (status < 300 || status > 399)) return
  throw new CountersignError('upstream', said`The server answered with status ${status}, which is not passed on.`)
}

/** The whole body, or undefined as soon as it is longer than 16 MiB. Rejects when the agent leaves before its end. */
function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > MAX_BODY) return Promise.resolve(undefined)
  // Not an async loop: leaving one destroys the connection, and with it the 413 that explains.
  return new Promise((resolve, reject) => {
    const body = new Gathered(MAX_BODY, length)
    request.on('data', (chunk: Buffer) => {
      if (!body.add(chunk)) resolve(undefined)
    })
    request.once('end', () => resolve(body.take()))
    request.once('error', reject)
  })
}

function start(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
