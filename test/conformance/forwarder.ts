import { createServer, request as httpRequest, type Server } from 'node:http'

/**
 * What the suite talks to in front of our endpoint, since it cannot send a token. It adds the token and nothing else. Host and
 * Origin stay as they came, except where they name this address: there they become ours, as our endpoint is known by it.
 */
export class Forwarder {
  readonly url: string
  private readonly server: Server

  private constructor(url: string, server: Server) {
    this.url = url
    this.server = server
  }

  static async listen(target: string, token: string): Promise<Forwarder> {
    const { hostname, port, pathname, host: there } = new URL(target)
    let here = ''
    const named = (value: string): string =>
      value.replace(/^(https?:\/\/)?(?:127\.0\.0\.1|localhost):(\d+)$/, translate)
    const translate = (value: string, scheme = '', to = ''): string =>
      `127.0.0.1:${to}` === here ? `${scheme}${there}` : value
    const server = createServer((request, response) => {
      const headers = request.rawHeaders.map((value, index, raw) =>
        index % 2 === 1 && /^(host|origin)$/i.test(raw[index - 1] ?? '') ? named(value) : value,
      )
      const options = { hostname, port, path: pathname, method: request.method ?? 'GET' }
      // One connection for each request: a request on a kept one that just closes would be a fault of this, not of ours.
      const onward = httpRequest({
        ...options,
        agent: false,
        setHost: false,
        headers: [...headers, 'authorization', `Bearer ${token}`],
      })
      onward.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        response.flushHeaders()
        answer.pipe(response)
        answer.once('close', () => (answer.complete ? undefined : response.destroy()))
      })
      onward.once('error', () => response.destroy())
      response.once('close', () => onward.destroy())
      request.pipe(onward)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    here = `127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
    return new Forwarder(`http://${here}/mcp`, server)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    this.server.closeAllConnections()
    await closed
  }
}
