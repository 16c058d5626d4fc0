import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { selfSigned } from './certificate.ts'
import type { Handshake } from './ours.ts'

const GROUP = 'X25519MLKEM768'
const KEY = 'ml-dsa-87'

/** The same strength and the same work as ours: TLS 1.3, hybrid key exchange, an ML-DSA-87 certificate at both ends. */
const STRENGTH = { minVersion: 'TLSv1.3', ecdhCurve: GROUP, sigalgs: 'mldsa87' } as const

/** A key with its certificate, which the other end pins: no chain is built, one signature a side is verified, as in a session. */
export interface TlsEnd {
  readonly key: string
  readonly cert: string
}

/** @throws in a Node that has no ML-DSA */
export function createEnd(name: string): TlsEnd {
  // Not in the types of the Node that this project is written for.
  const { privateKey }: { privateKey: KeyObject } = Reflect.apply(generateKeyPairSync, undefined, [KEY])
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: selfSigned(name, privateKey) }
}

/** A server that says one byte to whoever has proven itself. Returns its port. */
export async function startServer(own: TlsEnd, peer: string): Promise<number> {
  const options = { ...STRENGTH, ...own, ca: peer, requestCert: true, rejectUnauthorized: true }
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => {})
    socket.resume()
    socket.write('1')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/**
 * Until the server's byte is there: a TLS 1.3 client is done before the server has looked at its certificate, and knows only
 * then that it was accepted. Ours is told the same by Ready.
 */
export function tlsClient(own: TlsEnd, peer: string, port: number): Handshake {
  const secureContext = tls.createSecureContext({ ...STRENGTH, ...own, ca: peer })
  const options = { host: '127.0.0.1', port, secureContext, checkServerIdentity: () => undefined }
  return () =>
    new Promise((resolve, reject) => {
      const socket = tls.connect(options)
      socket.once('error', reject)
      socket.once('data', () => {
        const group: { name?: string } = socket.getEphemeralKeyInfo() ?? {}
        const key = socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType as string | undefined
        if (!socket.authorized || group.name !== GROUP || key !== KEY) {
          return reject(new Error(`TLS came to ${group.name} with a certificate of ${key}`))
        }
        resolve(async () => {
          const closed = once(socket, 'close')
          socket.end()
          await closed
        })
      })
    })
}
