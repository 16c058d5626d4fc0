import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkHttpUpstream } from '../../../src/mcp/upstream/config.ts'
import { Chain } from '../../fakes/mcpChain.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'

const PING = '{"jsonrpc":"2.0","id":"a\\u0062","method":"ping"}'

describe('an HTTP server behind the chain', () => {
  let upstream: RawUpstream
  let chain: Chain

  beforeAll(async () => {
    upstream = await new RawUpstream().listen()
    const headers = { authorization: 'Bearer of-the-gateway', Accept: 'application/json' }
    chain = await new Chain({ raw: { url: upstream.url, headers } }, { keepAlive: 50 }).listen()
  })

  afterEach(() => {
    upstream.seen.length = 0
  })

  afterAll(async () => {
    await chain.close()
    await upstream.close()
  })

  function post(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    const all = { authorization: `Bearer ${chain.token}`, 'content-type': 'application/json', ...headers }
    return fetch(`${chain.url('raw').href}?secret=1`, { method: 'POST', headers: all, body: Buffer.from(body) })
  }

  it('gets the body byte for byte, the listed headers, its configured ones, and no path or query of the agent', async () => {
    upstream.answer = (_, response) =>
      void response.writeHead(200, { 'Content-Type': 'application/json', 'X-Other': 'a' }).end('{}')
    const reply = await post(PING, {
      cookie: 'a=b',
      accept: 'text/html',
      'mcp-protocol-version': '2025-11-25',
      'x-custom': '1',
    })
    expect(reply.headers.get('x-other')).toBeNull()
    expect(upstream.seen).toHaveLength(1)
    const [seen] = upstream.seen
    expect(seen?.body.toString()).toBe(PING)
    expect(seen?.url).toBe('/mcp?tenant=1')
    const { host, connection, ...headers } = seen?.headers ?? {}
    expect(host).toMatch(/^127\.0\.0\.1:/)
    expect(connection).toBeDefined()
    expect(headers).toEqual({
      authorization: 'Bearer of-the-gateway',
      accept: 'application/json',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': String(PING.length),
      'mcp-protocol-version': '2025-11-25',
    })
  })

  it('has odd JSON pass byte for byte, both ways, as body and as events', async () => {
    const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r') })
    const odd = fc.constantFrom(
      '1e400',
      '12345678901234567890',
      '-0.0',
      '1E+2',
      '"\\u00e9\\/"',
      '"é\u2028"',
      '{"__proto__":{},"constructor":1}',
      '{"a":1,"a":2}',
      '[[],{}]',
      '"\\ud800"',
    )
    const body = fc.tuple(space, odd, space, fc.jsonValue()).map(([before, value, after, other]) => {
      return `${before}{"zz":${value}${after},"method":"x","params":{"arguments":${JSON.stringify(other)},"_meta":{}},"id":${before}7.0,"jsonrpc":"2.0"}${after}`
    })
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (text, asEvent) => {
        const answer = asEvent ? `data: ${text.replaceAll(/[\r\n]/g, ' ')}\n\n` : text
        upstream.answer = (_, response) => {
          response.writeHead(200, { 'content-type': asEvent ? 'text/event-stream' : 'application/json' }).end(answer)
        }
        const reply = await post(text)
        expect(Buffer.from(await reply.arrayBuffer()).equals(Buffer.from(answer))).toBe(true)
        expect(upstream.seen.at(-1)?.body.toString()).toBe(text)
      }),
      { numRuns: 60 },
    )
  })

  it.each([401, 403, 407, 301, 302, 307])(
    'that answers %d is an error of ours, never a status that an agent acts on',
    async (status) => {
      upstream.answer = (_, response) =>
        void response.writeHead(status, { location: 'http://127.0.0.1:9/', 'www-authenticate': 'Bearer' }).end()
      const reply = await post(PING)
      expect(reply.status).toBe(200)
      expect(reply.headers.get('www-authenticate')).toBeNull()
      expect(await reply.text()).toMatch(/^\{"jsonrpc":"2\.0","id":"a\\u0062","error":\{"code":10\d\d,/)
      expect(upstream.seen).toHaveLength(1)
    },
  )

  it('passes on other statuses with their body', async () => {
    upstream.answer = (_, response) =>
      void response.writeHead(429, { 'retry-after': '7', 'content-type': 'text/plain' }).end('slow down')
    const reply = await post(PING)
    expect([reply.status, reply.headers.get('retry-after'), await reply.text()]).toEqual([429, '7', 'slow down'])
  })

  it('that compresses unasked, or repeats a header, is an error', async () => {
    upstream.answer = (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    expect(await (await post(PING)).text()).toContain('compressed its answer')
    upstream.answer = (_, response) => void response.writeHead(200, { 'mcp-session-id': ['a', 'b'] }).end('x')
    expect(await (await post(PING)).text()).toContain('headers that cannot be passed on')
  })

  it('that resets the connection is asked once, and the outcome is unknown', async () => {
    upstream.answer = (_, response) => void response.end('{}')
    await (await post(PING)).text()
    upstream.answer = (_, response) => void response.socket?.resetAndDestroy()
    const before = upstream.seen.length
    expect(await (await post(PING)).json()).toMatchObject({ error: { data: { code: 'outcome-unknown' } } })
    expect(upstream.seen.length).toBe(before + 1)
  })

  it('that breaks a stream off: the call gets its error, or the agent a stream to resume', async () => {
    const breaks = (event: string): void => {
      upstream.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event)
        setTimeout(() => response.socket?.resetAndDestroy(), 20)
      }
    }
    breaks('data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n')
    const text = await (await post(PING)).text()
    expect(text).toContain('data: {"jsonrpc":"2.0","id":"a\\u0062","error":')
    expect(text).toContain('outcome-unknown')
    breaks('id: 1\ndata:\n\n')
    await expect(post(PING).then((reply) => reply.text())).rejects.toThrow()
  })

  it('keeps an idle stream alive with comments of the bridge, and passes none of the server', async () => {
    let finish = (): void => {}
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': theirs\n\n')
      finish = () => response.end('data: {"id":1,"result":{}}\n\n')
    }
    const { body } = await post('{"id":1,"method":"x"}')
    let text = ''
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString()
      // Twice, because once could be the beginning of a stream.
      if (text.includes(': keep-alive\n\n: keep-alive\n\n')) finish()
    }
    expect(text).toMatch(/^(: keep-alive\n\n)+data: \{"id":1,"result":\{\}\}\n\n$/)
    expect(chain.server.sent.slice(-3).map(({ kind }) => kind)).toEqual(['head', 'event', 'end'])
  })

  it('signs head, event and end of a quick stream once', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: {"id":1,"result":{}}\n\n')
    }
    const before = chain.server.batches
    await (await post('{"id":1,"method":"x"}')).text()
    expect(chain.server.batches - before).toBe(1)
  })

  it('cannot hand one MCP session to two clients', async () => {
    upstream.answer = (_, response) => void response.writeHead(200, { 'mcp-session-id': 'theirs' }).end('{}')
    expect((await post(PING, { 'mcp-session-id': 'theirs' })).status).toBe(404)
    expect(upstream.seen).toHaveLength(0)
    await (await post(PING)).text()
    expect((await post(PING, { 'mcp-session-id': 'theirs' })).status).toBe(200)
  })

  it.each(['{"id":1,"method":"tools/call","params":{"name":"a"}}', '{"id":1,"method":"tools/list"}'])(
    'never sees a call whose headers say something else: %s',
    async (body) => {
      const reply = await post(body, { 'mcp-method': 'tools/call', 'mcp-name': 'b' })
      expect(reply.status).toBe(400)
      expect(await reply.json()).toMatchObject({ id: 1, error: { code: -32020, data: { code: 'header-mismatch' } } })
      expect(upstream.seen).toHaveLength(0)
    },
  )

  it('that is not there is an error that says nothing was sent', async () => {
    const gone = await new RawUpstream().listen()
    await gone.close()
    const other = await new Chain({ raw: { url: gone.url } }).listen()
    const headers = { authorization: `Bearer ${other.token}` }
    const reply = await fetch(other.url('raw'), { method: 'POST', headers, body: PING })
    expect(await reply.text()).toMatch(/cannot be reached. Nothing was sent/)
    await other.close()
  })
})

describe('the address of an HTTP server', () => {
  it.each([
    'http://example.org/mcp',
    'ftp://127.0.0.1/',
    'nonsense',
    'https://user:pass@example.org/',
    'http://127.0.0.1.example.org/',
  ])('is refused: %s', (url) => {
    expect(() => checkHttpUpstream('x', { url })).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })

  it.each(['https://example.org/mcp', 'http://127.0.0.1:3000/', 'http://localhost/', 'http://[::1]:1/'])(
    'is taken: %s',
    (url) => {
      expect(checkHttpUpstream('x', { url }).href).toBe(new URL(url).href)
    },
  )

  it('may be plain beyond loopback only when that is said, and sets no header of the connection', () => {
    expect(() => checkHttpUpstream('x', { url: 'http://example.org/', plain: true })).not.toThrow()
    expect(() =>
      checkHttpUpstream('x', { url: 'https://example.org/', headers: { 'Transfer-Encoding': 'chunked' } }),
    ).toThrow(/Transfer-Encoding/)
  })
})
