import type { ClientRequest } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Reach, UpstreamLeg } from '../../session/api.ts'
import { isLoopback } from './config.ts'

/** How a server is reached: a kind, never an address. */
export type Leg = Omit<UpstreamLeg, 'server'>

/** From the best to the worst. */
const TLS: readonly Reach[] = ['tls-mlkem', 'tls', 'tls-classical']

/**
 * The leg to a server over HTTP: what its address says, and of TLS what its connections agreed on. The worst of them counts: one
 * recording of one connection is enough. So it changes twice at most, whatever a server does.
 */
export class HttpLeg {
  leg: Leg
  private readonly changed: () => void
  private connected = false

  constructor(url: URL, proxy: boolean, changed: () => void) {
    this.changed = changed
    const loopback = isLoopback(url)
    const beyond = url.protocol === 'https:' ? 'tls' : 'plain'
    // A server on this machine is reached without the proxy.
    this.leg = { reach: loopback ? 'loopback' : beyond, proxied: proxy && !loopback }
  }

  /** A connection was made, and this is what it agreed on. */
  agreed(reach: Reach): void {
    const { leg, connected } = this
    if (!TLS.includes(leg.reach)) return
    this.connected = true
    const known = connected && TLS.indexOf(reach) <= TLS.indexOf(leg.reach)
    if (known || reach === leg.reach) return
    this.leg = { ...leg, reach }
    this.changed()
  }
}

/** Calls back with what a new TLS connection of this request agreed on, when its certificate was accepted. */
export function watchAgreement(outgoing: ClientRequest, agreed: (reach: Reach) => void): void {
  outgoing.once('socket', (socket) => {
    if (!(socket instanceof TLSSocket) || outgoing.reusedSocket) return
    socket.once('secureConnect', () => agreed(agreementOf(socket)))
  })
}

/** Of a TLS connection that stands. */
export function agreementOf(socket: Pick<TLSSocket, 'getProtocol' | 'getEphemeralKeyInfo'>): Reach {
  // No earlier version has a key agreement that withstands a quantum computer.
  if (socket.getProtocol() !== 'TLSv1.3') return 'tls-classical'
  const info: object = socket.getEphemeralKeyInfo() ?? {}
  const type: unknown = Reflect.get(info, 'type')
  const name: unknown = Reflect.get(info, 'name')
  if (type === 'ECDH' || type === 'DH') return 'tls-classical'
  // A group that is neither is named by Node 24 and later; a runtime with another library says nothing.
  return typeof name === 'string' && name.includes('MLKEM') ? 'tls-mlkem' : 'tls'
}
