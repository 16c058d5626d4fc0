import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { CountersignError } from '../../support/errors.ts'
import { MAX_HALF_OPEN, MAX_INTERRUPTED, MAX_SESSIONS } from '../limits.ts'
import type { Carrier } from './carrier.ts'
import { isLoopbackHost, SOCKET_OPTIONS, SUBPROTOCOL, WebSocketCarrier } from './webSocket.ts'

export interface ListenOptions {
  /** `ws://host:port`; port 0 takes a free one. */
  readonly url: string
  /** Without it only loopback addresses are accepted: a gateway reaches the network on purpose or not at all. */
  readonly allowNetwork?: boolean
  /** Connections at once, whatever is said on them; further ones are closed. Default: those of a gateway. */
  readonly connections?: number
  readonly onCarrier: (carrier: Carrier) => void
}

export interface Listening {
  readonly url: string
  close(): Promise<void>
}

const HEADERS_TIMEOUT = 10_000
/** Silence after which the operating system asks for the other machine: one that vanished must not keep its session. */
const ASK_AFTER = 5 * 60_000
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip']

/** @throws CountersignError `config-invalid` for an address, `gateway-unreachable` when it cannot be listened on */
export async function listenWebSocket(options: ListenOptions): Promise<Listening> {
  const { hostname, port } = listenAddress(options)
  const sockets = new WebSocketServer({ ...SOCKET_OPTIONS, noServer: true, clientTracking: true, handleProtocols })
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: HEADERS_TIMEOUT,
      // How often Node looks for those that are over. By itself it does so every 30 s.
      connectionsCheckingInterval: HEADERS_TIMEOUT / 2,
      keepAlive: true,
      keepAliveInitialDelay: ASK_AFTER,
    },
    (_request, response) => {
      response.writeHead(426, { connection: 'close' }).end()
    },
  )
  server.maxConnections = options.connections ?? connectionsOf(MAX_SESSIONS, MAX_HALF_OPEN)
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const refusal = refuse(request)
    if (refusal !== undefined) return endRequest(socket, refusal)
    sockets.handleUpgrade(request, socket, head, (webSocket) => options.onCarrier(carrierOf(webSocket, request)))
  })
  await listen(server, hostname, port)
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new CountersignError('internal', 'The gateway listens on something that is no address.')
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `ws://${host}:${address.port}`, close: () => close(server, sockets) }
}

/** Those of sessions, also of ones that come back, and twice as many as may be in a handshake: the rest is told why. */
export function connectionsOf(sessions: number, halfOpen: number): number {
  return sessions + MAX_INTERRUPTED + 2 * halfOpen
}

function listenAddress({ url, allowNetwork = false }: ListenOptions): { hostname: string; port: number } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'ws:' || parsed.pathname !== '/' || parsed.search !== '') {
    throw new CountersignError('config-invalid', 'A gateway listens on a ws://host:port URL.')
  }
  if (!allowNetwork && !isLoopbackHost(parsed.hostname)) {
    throw new CountersignError(
      'config-invalid',
      `To listen on ${parsed.hostname}, beyond this machine, must be configured.`,
    )
  }
  return { hostname: parsed.hostname.replace(/^\[|\]$/g, ''), port: Number(parsed.port === '' ? '80' : parsed.port) }
}

/** The status to refuse a request with; `undefined` where it may become a carrier. */
function refuse(request: IncomingMessage): string | undefined {
  // Only browsers send Origin. A web page has no business here, and same-origin rules do not cover WebSockets.
  if (request.headers.origin !== undefined) return '403 Forbidden'
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
  return offered.includes(SUBPROTOCOL) ? undefined : '400 Bad Request'
}

function handleProtocols(offered: Set<string>): string | false {
  return offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false
}

function endRequest(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function carrierOf(socket: WebSocket, request: IncomingMessage): Carrier {
  const address = request.socket.remoteAddress ?? 'unknown'
  // A proxy on this machine is near; whoever it speaks for need not be, and must not be enrolled as a neighbour.
  const forwarded = PROXY_HEADERS.some((name) => request.headers[name] !== undefined)
  return new WebSocketCarrier(socket, address, isLoopbackHost(address) && !forwarded)
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new CountersignError('gateway-unreachable', `Cannot listen on ${host}, port ${port}.`, { cause })),
    )
    server.listen(port, host, resolve)
  })
}

function close(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate()
  sockets.close()
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
