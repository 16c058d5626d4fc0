import { WebSocket } from 'ws'
import { plain } from '../../crypto/encoding.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { MAX_FRAME } from '../channel/record.ts'
import type { Carrier } from './carrier.ts'
import { Inbox } from './inbox.ts'

export const SUBPROTOCOL = 'countersign.v1'

const CONNECT_TIMEOUT = 10_000
const CLOSE_TIMEOUT = 2_000
const NORMAL = 1000
const UNSUPPORTED_DATA = 1003

/** Options of both ends: one binary message a frame, none larger than a record, no compression (it leaks lengths of secrets). */
export const SOCKET_OPTIONS = { perMessageDeflate: false, maxPayload: MAX_FRAME } as const

/** A connected WebSocket as carrier. */
export class WebSocketCarrier implements Carrier {
  readonly address: string
  readonly loopback: boolean
  readonly closed: Promise<CountersignError | undefined>
  private readonly socket: WebSocket
  private readonly inbox = new Inbox()
  private closing = false

  constructor(socket: WebSocket, address: string, loopback: boolean) {
    this.socket = socket
    this.address = address
    this.loopback = loopback
    socket.binaryType = 'nodebuffer'
    socket.on('message', (data, isBinary) => {
      if (isBinary && data instanceof Buffer) return this.inbox.push(plain(data))
      socket.close(UNSUPPORTED_DATA)
    })
    let failure: CountersignError | undefined
    socket.on('error', (cause) => {
      failure = new CountersignError('session-closed', 'The connection was broken.', { cause })
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        const orderly = code === NORMAL && failure === undefined
        resolve(orderly ? undefined : (failure ?? new CountersignError('session-closed', 'The connection was lost.')))
      })
    })
  }

  send(frame: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      // The callback comes when the bytes went to the operating system: that is the backpressure.
      this.socket.send(frame, { binary: true, compress: false }, (cause) => {
        if (cause === undefined || cause === null) resolve()
        else reject(new CountersignError('session-closed', 'The connection is closed.', { cause }))
      })
    })
  }

  onFrame(handler: (frame: Uint8Array) => void): void {
    this.inbox.onFrame(handler)
  }

  pause(): void {
    // A handler that is given what still waited may ask for it, and the socket has to read the answer to its close frame.
    if (this.closing) return
    this.inbox.pause()
    if (this.socket.readyState === WebSocket.OPEN) this.socket.pause()
  }

  resume(): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.resume()
    this.inbox.resume()
  }

  async close(): Promise<void> {
    this.closing = true
    this.resume()
    this.socket.close(NORMAL)
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_TIMEOUT)
    await this.closed
    clearTimeout(timer)
  }
}

/**
 * Connects to a gateway. Nothing that the other end says on the way (status, redirect, headers) is acted on.
 * @throws CountersignError `gateway-unreachable`, `config-invalid`, `cancelled`
 */
export async function connectWebSocket(url: string, signal?: AbortSignal): Promise<Carrier> {
  const target = parseUrl(url)
  const options = {
    ...SOCKET_OPTIONS,
    handshakeTimeout: CONNECT_TIMEOUT,
    followRedirects: false,
    skipUTF8Validation: false,
  }
  const socket = new WebSocket(target, [SUBPROTOCOL], options)
  return await new Promise<Carrier>((resolve, reject) => {
    const cancel = (): void => {
      socket.terminate()
      reject(new CountersignError('cancelled', 'The connection attempt was cancelled.'))
    }
    if (signal?.aborted === true) cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    socket.once('open', () => {
      signal?.removeEventListener('abort', cancel)
      socket.off('error', failed)
      // In this turn: a gateway that is full says so and closes at once, and both events are gone in the next one.
      resolve(new WebSocketCarrier(socket, target.host, isLoopbackHost(target.hostname)))
    })
    const failed = (cause: Error): void => {
      signal?.removeEventListener('abort', cancel)
      // Errors after this one (an aborted upgrade reports twice) have nobody to go to, and must not be uncaught.
      socket.on('error', () => {})
      const sentence = said`The gateway at ${target.host} cannot be reached. Check that it runs and that the address is right.`
      reject(new CountersignError('gateway-unreachable', sentence, { cause }))
    }
    socket.once('error', failed)
  })
}

function parseUrl(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined
  const known = target?.protocol === 'ws:' || target?.protocol === 'wss:'
  // Credentials in a URL would end up in logs and in process lists.
  if (target === undefined || !known || target.username !== '' || target.password !== '' || target.hash !== '') {
    throw new CountersignError(
      'config-invalid',
      'A gateway is named by a ws: or wss: URL without user, password or fragment.',
    )
  }
  return target
}

/** Names and addresses that never leave this machine. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '')
  return bare === 'localhost' || bare === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare)
}
