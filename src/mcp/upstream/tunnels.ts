import { type ClientRequest, type ClientRequestArgs, type IncomingMessage, request } from 'node:http'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { CountersignError } from '../../support/errors.ts'

const TUNNEL_TIMEOUT = 10_000

type Done = ((error: Error | null, socket: Duplex) => void) | undefined

/**
 * Connections through an HTTP proxy (RFC 9110, section 9.3.6), for the agents of node:http, which have none in the Node that
 * we run on. What the proxy sees is a host and a port: to an https: server, TLS runs inside of the tunnel.
 */
export class Tunnels {
  private readonly proxy: URL
  /** Asked for and not answered. */
  private readonly pending = new Set<ClientRequest>()

  constructor(proxy: URL) {
    this.proxy = proxy
  }

  /**
   * As `Agent.createConnection`; calls back with CountersignError `upstream` where the proxy gives no tunnel.
   * @param trust of TLS inside of the tunnel; without it there is none
   */
  open(options: ClientRequestArgs, trust: ConnectionOptions | undefined, done: Done): undefined {
    const asked = request({
      method: 'CONNECT',
      host: this.proxy.hostname.replace(/^\[|\]$/g, ''),
      port: this.proxy.port === '' ? 80 : this.proxy.port,
      path: authority(options),
      headers: { host: authority(options), ...this.credentials() },
      // A tunnel is nobody's but its request's: the proxy's connections are not to be shared.
      agent: false,
      timeout: TUNNEL_TIMEOUT,
    })
    this.pending.add(asked)
    const fail = (error: CountersignError): void => {
      // The type wants a socket beside the error; there is none, and Node looks at the error first.
      Reflect.apply(done ?? (() => {}), undefined, [error])
    }
    asked.once('close', () => this.pending.delete(asked))
    asked.once('timeout', () => asked.destroy(new Error('the proxy did not answer')))
    asked.on('error', (cause) => fail(refused('cannot be reached', cause)))
    asked.once('connect', ({ statusCode = 0 }: IncomingMessage, socket, early: Buffer) => {
      // Its own timeout would end an idle tunnel, which is the agent's to decide.
      socket.setTimeout(0)
      // Bytes before ours are no server's: in HTTP and TLS the client speaks first.
      if (statusCode < 200 || statusCode > 299 || early.length > 0) {
        socket.destroy()
        return fail(refused(early.length > 0 ? 'spoke out of turn' : `refused a tunnel (${statusCode})`))
      }
      const host = options.host ?? ''
      // No name for an address (RFC 6066, section 3); the certificate is compared with the host then.
      const named = { host, servername: isIP(host) === 0 ? host : '' }
      done?.(null, trust === undefined ? socket : connectTls({ ...trust, ...named, socket }))
    })
    asked.end()
    return undefined
  }

  close(): void {
    for (const asked of this.pending) asked.destroy()
  }

  private credentials(): Record<string, string> {
    const { username, password } = this.proxy
    if (username === '' && password === '') return {}
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
  }
}

function authority({ host, port }: ClientRequestArgs): string {
  const name = host ?? ''
  return `${name.includes(':') ? `[${name}]` : name}:${port ?? ''}`
}

function refused(what: string, cause?: unknown): CountersignError {
  const sentence = `The proxy in front of the server ${what}. Nothing was sent to the server; check "proxy" in the gateway's configuration.`
  return new CountersignError('upstream', sentence, { cause })
}
