import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'

/** An HTTP proxy that tunnels (CONNECT), whatever is asked for, to one port of this machine. */
export class ConnectProxy {
  /** What was asked for, and with which credentials. */
  readonly asked: { readonly target: string; readonly credentials: string | undefined }[] = []
  /** Answered to the next requests; 0 says nothing at all. */
  status = 200
  url = ''
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  constructor(port: () => number) {
    this.server = createServer((_, response) => void response.writeHead(405).end())
    this.server.on('connection', (socket) => this.sockets.add(socket))
    this.server.on('connect', (request, socket, head) => {
      this.asked.push({ target: request.url ?? '', credentials: request.headers['proxy-authorization'] })
      socket.on('error', () => {})
      if (this.status === 0) return
      if (this.status !== 200) {
        socket.end(`HTTP/1.1 ${this.status} No\r\ncontent-length: 0\r\n\r\n`)
        return
      }
      const onward = connect(port(), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        onward.write(head)
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      this.sockets.add(onward)
    })
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    const address = this.server.address()
    this.url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
    return this
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
