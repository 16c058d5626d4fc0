import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { encodeBase64url, encodeUtf8 } from '../../../crypto/encoding.ts'
import { constantTimeEqual } from '../../../crypto/hash.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { CountersignError } from '../../../support/errors.ts'

const PATH = '/callback'

/** What an authorization server answers by way of the person's browser. */
export interface Answer {
  readonly code: string
  /** RFC 9207: who answers. */
  readonly issuer: string | undefined
}

/**
 * Where the person's browser brings the code to (RFC 8252, section 7.3): a listener on loopback for one answer. Any page can
 * send a browser here; only the answer with our state counts, and any other changes nothing.
 */
export class Redirect {
  readonly state = encodeBase64url(randomBytes(32))
  readonly answer: Promise<Answer>
  private readonly server: Server
  private resolve: (answer: Answer) => void = () => {}
  private reject: (error: CountersignError) => void = () => {}

  private constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // It may fail before anybody waits for it.
    this.answer.catch(() => {})
    this.server = createServer((request, response) => this.received(request, response))
  }

  /** @param port 0 for any. @throws CountersignError `usage` for a port that is taken */
  static async listen(port = 0): Promise<Redirect> {
    const redirect = new Redirect()
    await new Promise<void>((resolve, reject) => {
      redirect.server.once('error', (cause) => {
        reject(new CountersignError('usage', `The port ${port} for the browser's answer cannot be used.`, { cause }))
      })
      redirect.server.listen(port, '127.0.0.1', resolve)
    })
    return redirect
  }

  get url(): URL {
    return new URL(PATH, `http://${this.host}`)
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private get host(): string {
    const address = this.server.address()
    return `127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  }

  private received(request: IncomingMessage, response: ServerResponse): void {
    const [path, query = ''] = (request.url ?? '').split('?', 2)
    if (request.headers.host !== this.host || request.method !== 'GET' || path !== PATH) {
      return say(response, 404, 'There is nothing here.')
    }
    const searchParams = new URLSearchParams(query)
    const state = searchParams.get('state') ?? ''
    if (!constantTimeEqual(encodeUtf8(state), encodeUtf8(this.state))) {
      return say(response, 400, 'This is not an answer to what Countersign asked for. Nothing was changed.')
    }
    const code = searchParams.get('code')
    if (code === null || code === '') {
      this.reject(denied(searchParams.get('error') ?? ''))
      return say(response, 200, 'Countersign was not authorized. You can close this window.')
    }
    this.resolve({ code, issuer: searchParams.get('iss') ?? undefined })
    say(response, 200, 'Countersign has the answer: see the terminal. You can close this window.')
  }
}

function say(response: ServerResponse, status: number, sentence: string): void {
  // The address has the code in it: no cache, and no page that it could be told to.
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', connection: 'close' }
  response.writeHead(status, { ...headers, 'referrer-policy': 'no-referrer' }).end(`${sentence}\n`)
}

function denied(error: string): CountersignError {
  const reason = /^[a-z_]{1,64}$/.test(error) ? error : 'no reason given'
  return new CountersignError('unauthorized', `The authorization server did not agree (${reason}).`)
}
