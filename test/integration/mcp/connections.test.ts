import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HttpUpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { Authority } from '../../fakes/certificates.ts'
import { ConnectProxy } from '../../fakes/connectProxy.ts'
import { Chain } from '../../fakes/mcpChain.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}'

let authority: Authority
let upstream: RawUpstream
let proxy: ConnectProxy
const chains: Chain[] = []

/** A chain to the server as it is configured here, and a way to call it. */
async function through(
  config: Partial<HttpUpstreamConfig>,
): Promise<(body?: string, headers?: object) => Promise<string>> {
  const chain = await new Chain({ raw: { url: upstream.url, ca: authority.pem, ...config } }).listen()
  chains.push(chain)
  const authorization = `Bearer ${chain.token}`
  return async (body = PING, headers = {}) => {
    const reply = await fetch(chain.url('raw'), { method: 'POST', headers: { authorization, ...headers }, body })
    return await reply.text()
  }
}

beforeAll(async () => {
  authority = await Authority.create()
  upstream = await new RawUpstream(await authority.issue('IP:127.0.0.1', 'DNS:mcp.example')).listen()
  upstream.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER)
  proxy = await new ConnectProxy(() => upstream.port).listen()
})
afterEach(async () => {
  await Promise.all(chains.splice(0).map((chain) => chain.close()))
  proxy.asked.length = 0
  proxy.status = 200
  upstream.seen.length = 0
})
afterAll(async () => {
  await upstream.close()
  await proxy.close()
  authority.remove()
})

describe('TLS to a server', () => {
  it('of a private authority works where that is named, and over one connection for many calls', async () => {
    const call = await through({})
    const before = upstream.connections
    for (let calls = 0; calls < 20; calls += 1) expect(await call()).toBe(ANSWER)
    expect(upstream.connections - before).toBe(1)
  })

  it('takes no more connections than calls are under way, and uses them again', async () => {
    const call = await through({})
    const before = upstream.connections
    for (let rounds = 0; rounds < 3; rounds += 1) await Promise.all(Array.from({ length: 16 }, () => call()))
    expect(upstream.connections - before).toBeLessThanOrEqual(16)
    expect(upstream.seen).toHaveLength(48)
  })

  it('of an authority that nobody named is refused, before anything was sent', async () => {
    const call = await through({ ca: undefined })
    const answer = await call()
    expect(answer).toMatch(/certificate of raw was not accepted \((?:UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET)/)
    expect(answer).toContain('"code":"upstream"')
    expect(upstream.seen).toHaveLength(0)
  })

  it('of another private authority is refused, also where the environment switches checks off', async () => {
    const other = await Authority.create()
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      expect(await (await through({ ca: other.pem }))()).toContain('was not accepted')
      expect(await (await through({ ca: undefined }))()).toContain('was not accepted')
      expect(upstream.seen).toHaveLength(0)
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      other.remove()
    }
  })

  it('under another name than the certificate has is refused', async () => {
    const call = await through({ url: `https://localhost:${upstream.port}/mcp` })
    expect(await call()).toContain('was not accepted (ERR_TLS_CERT_ALTNAME_INVALID)')
    expect(upstream.seen).toHaveLength(0)
  })

  it('trusts nobody but the named authority: a public list does not count beside it', async () => {
    const { rootCertificates } = await import('node:tls')
    expect(rootCertificates.length).toBeGreaterThan(50)
    expect(await (await through({ ca: rootCertificates.join('\n') }))()).toContain('was not accepted')
    expect(await (await through({ ca: [...rootCertificates, authority.pem].join('\n') }))()).toBe(ANSWER)
  })
})

describe('a proxy in front of a server', () => {
  const far = (port = 443): Partial<HttpUpstreamConfig> => ({
    url: `https://mcp.example:${port}/mcp`,
    proxy: proxy.url,
  })

  it('is asked for one tunnel, in which TLS is checked against the server, and many calls pass', async () => {
    const call = await through(far())
    for (let calls = 0; calls < 5; calls += 1) expect(await call()).toBe(ANSWER)
    expect(proxy.asked).toEqual([{ target: 'mcp.example:443', credentials: undefined }])
    expect(upstream.seen[0]?.headers.host).toBe('mcp.example')
    expect(JSON.stringify(upstream.seen)).not.toContain('proxy')
  })

  it('gets its credentials, and the server does not', async () => {
    const { host } = new URL(proxy.url)
    const call = await through({ ...far(8443), proxy: `http://ada:p%3Aw@${host}` })
    expect(await call()).toBe(ANSWER)
    const credentials = `Basic ${Buffer.from('ada:p:w').toString('base64')}`
    expect(proxy.asked).toEqual([{ target: 'mcp.example:8443', credentials }])
    expect(JSON.stringify(upstream.seen)).not.toMatch(/proxy-authorization|YWRh/)
  })

  it('that stands in for the server is found out', async () => {
    const call = await through({ ...far(), url: 'https://other.example/mcp' })
    expect(await call()).toContain('was not accepted (ERR_TLS_CERT_ALTNAME_INVALID)')
    expect(upstream.seen).toHaveLength(0)
  })

  it.each([407, 403, 502])(
    'that answers %d is an error that says nothing was sent, and no status for the agent',
    async (status) => {
      proxy.status = status
      expect(await (await through(far()))()).toMatch(
        new RegExp(`proxy in front of the server refused a tunnel \\(${status}\\). Nothing was sent`),
      )
      expect(upstream.seen).toHaveLength(0)
    },
  )

  it('that is not there is such an error as well', async () => {
    const gone = await new ConnectProxy(() => 0).listen()
    await gone.close()
    expect(await (await through({ ...far(), proxy: gone.url }))()).toMatch(
      /proxy in front of the server cannot be reached. Nothing was sent/,
    )
  })

  it('that says nothing holds no call that its agent has given up, nor the end of the gateway', async () => {
    proxy.status = 0
    const call = await through(far())
    const waiting = call().catch(() => 'gave up')
    await expect.poll(() => proxy.asked.length).toBe(1)
    await Promise.all(chains.splice(0).map((chain) => chain.close()))
    expect(await waiting).toMatch(/gave up|error/)
  })

  it('carries what is plain as well, where that is configured', async () => {
    const plain = await new RawUpstream().listen()
    plain.answer = upstream.answer
    const other = await new ConnectProxy(() => plain.port).listen()
    const call = await through({ url: 'http://mcp.example/mcp', plain: true, ca: undefined, proxy: other.url })
    expect([await call(), await call()]).toEqual([ANSWER, ANSWER])
    expect(other.asked.map(({ target }) => target)).toEqual(['mcp.example:80'])
    await Promise.all(chains.splice(0).map((chain) => chain.close()))
    await plain.close()
    await other.close()
  })

  it('is not asked for this machine', async () => {
    expect(await (await through({ proxy: proxy.url }))()).toBe(ANSWER)
    expect(proxy.asked).toEqual([])
  })
})

describe('a stream of a server', () => {
  it('is one for each exchange, resumed with the headers that the agent sent', async () => {
    const { answer } = upstream
    upstream.answer = ({ headers }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(
        `id: 2\ndata: {"jsonrpc":"2.0","method":"notifications/x","params":{"after":"${String(headers['last-event-id'])}"}}\n\n`,
      )
    }
    try {
      const chain = await new Chain({ raw: { url: upstream.url, ca: authority.pem } }).listen()
      chains.push(chain)
      const headers = { authorization: `Bearer ${chain.token}`, accept: 'text/event-stream' }
      const ids = ['a-1', 'b-7', 'c 3']
      const replies = await Promise.all(
        ids.map(async (id) => (await fetch(chain.url('raw'), { headers: { ...headers, 'last-event-id': id } })).text()),
      )
      for (const [index, id] of ids.entries()) expect(replies[index]).toContain(`"after":"${id}"`)
      expect(
        upstream.seen.map(({ method, headers }) => `${method} ${String(headers['last-event-id'])}`).sort(),
      ).toEqual(ids.map((id) => `GET ${id}`))
    } finally {
      upstream.answer = answer
    }
  })
})
