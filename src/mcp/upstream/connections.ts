import { Agent as HttpAgent, type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { type ConnectionOptions, createSecureContext, TLSSocket } from 'node:tls'
import { isLoopback } from './config.ts'
import { Tunnels } from './tunnels.ts'

/** Of a connection: TCP, TLS, and a proxy's answer, each. */
export const CONNECT_TIMEOUT = 10_000
/** Below the 5 s after which Node's own servers close an idle connection: a request on a closing one is lost. */
const IDLE_SOCKET = 4_000
const OPTIONS = { keepAlive: true, maxSockets: 512, maxFreeSockets: 64, timeout: IDLE_SOCKET }

export interface Route {
  /** Certificates (PEM) of the authorities to trust, in place of those that Node knows. */
  readonly ca?: string | undefined
  /** An http: address; its user and password, if any, are shown to the proxy. */
  readonly proxy?: string | undefined
}

/** The connections to one server and what belongs to it: kept alive, bounded, each certificate checked. */
export class Connections {
  private readonly route: Route
  private readonly tunnels: Tunnels | undefined
  private readonly agents = new Map<string, HttpAgent | HttpsAgent>()

  constructor(route: Route) {
    this.route = route
    this.tunnels = route.proxy === undefined ? undefined : new Tunnels(new URL(route.proxy))
  }

  /** As `request` of node:http and node:https, over a connection of this server. */
  request(url: URL, options: RequestOptions): ClientRequest {
    const secure = url.protocol === 'https:'
    const tunnels = isLoopback(url) ? undefined : this.tunnels
    const key = `${secure} ${tunnels !== undefined}`
    const agent = this.agents.get(key) ?? this.makeAgent(secure, tunnels)
    this.agents.set(key, agent)
    return secure ? httpsRequest(url, { ...options, agent }) : httpRequest(url, { ...options, agent })
  }

  close(): void {
    for (const agent of this.agents.values()) agent.destroy()
    this.tunnels?.close()
  }

  private makeAgent(secure: boolean, tunnels: Tunnels | undefined): HttpAgent | HttpsAgent {
    const trust = secure ? this.trust() : undefined
    const agent = secure ? new HttpsAgent({ ...OPTIONS, ...trust }) : new HttpAgent(OPTIONS)
    if (tunnels !== undefined) agent.createConnection = (options, done) => tunnels.open(options, trust, done)
    return agent
  }

  private trust(): ConnectionOptions {
    const { ca } = this.route
    // Said outright: a variable in the environment (NODE_TLS_REJECT_UNAUTHORIZED) would otherwise switch every check off.
    // The certificates are read once, not for each connection.
    return { rejectUnauthorized: true, ...(ca !== undefined && { secureContext: createSecureContext({ ca }) }) }
  }
}

/** Says whether a connection stood, so that the request may have arrived; ends attempts that take too long. */
export function watchConnection(outgoing: ClientRequest, secure: boolean): () => boolean {
  let connected = false
  outgoing.once('socket', (socket) => {
    if (!socket.connecting && (!secure || outgoing.reusedSocket)) {
      connected = true
      return
    }
    const timer = setTimeout(() => outgoing.destroy(new Error('connecting took too long')), CONNECT_TIMEOUT)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      connected = true
      clearTimeout(timer)
    })
    outgoing.once('close', () => clearTimeout(timer))
  })
  return () => connected
}

/** Why the server's certificate was not accepted, as OpenSSL or Node call it; `undefined` where it was, or none came. */
export function distrust({ socket }: ClientRequest): string | undefined {
  if (!(socket instanceof TLSSocket) || socket.authorized) return undefined
  // Declared as an Error, and a code.
  const reason: unknown = socket.authorizationError
  return typeof reason === 'string' ? reason : undefined
}
