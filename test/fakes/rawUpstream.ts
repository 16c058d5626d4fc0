import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createConnection, type Socket } from 'node:net'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** An HTTP server that answers as the test says, and remembers what it was asked byte for byte. */
export class RawUpstream {
  readonly seen: Seen[] = []
  answer: (seen: Seen, response: ServerResponse) => void = (_, response) => void response.end()
  url = ''
  private readonly server: Server
  private readonly secure: boolean
  private readonly sockets = new Set<Socket>()

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.secure = tls !== undefined
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const seen = { method, url, headers, body: Buffer.concat(chunks) }
        this.seen.push(seen)
        this.answer(seen, response)
      })
    }
    this.server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
    this.server.on('connection', (socket) => this.sockets.add(socket))
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http${this.secure ? 's' : ''}://127.0.0.1:${this.port}/mcp?tenant=1`
    return this
  }

  get port(): number {
    const address = this.server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  get connections(): number {
    return this.sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

/** Sends bytes to a port as they are and returns all that comes back until the connection ends. */
export function rawExchange(port: number, request: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request))
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.on('error', reject)
  })
}
