import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { once } from 'node:events'
import { request } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bridge } from '../../../src/mcp/bridge/bridge.ts'
import { Chain } from '../../fakes/mcpChain.ts'
import { RawUpstream, rawExchange } from '../../fakes/rawUpstream.ts'

const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

describe('the bridge', () => {
  let upstream: RawUpstream
  let chain: Chain
  let port: number
  const folder = mkdtempSync(join(tmpdir(), 'cs-'))

  beforeAll(async () => {
    upstream = await new RawUpstream().listen()
    upstream.answer = (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":1}')
    chain = await new Chain({ raw: { url: upstream.url } }).listen()
    port = Number(new URL(chain.origin).port)
  })

  afterAll(async () => {
    await chain.close()
    await upstream.close()
    rmSync(folder, { recursive: true })
  })

  interface Ask {
    readonly method?: string
    readonly path?: string
    readonly host?: string | null
    readonly token?: string | null
    readonly headers?: readonly string[]
    readonly body?: string
  }

  /** The status line's number and the rest, for a request written by hand. */
  async function ask({
    method = 'POST',
    path = '/mcp/raw',
    host,
    token,
    headers = [],
    body = BODY,
  }: Ask): Promise<[number, string]> {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      ...(host === null ? [] : [`Host: ${host ?? `127.0.0.1:${port}`}`]),
      ...(token === null ? [] : [`Authorization: Bearer ${token ?? chain.token}`]),
      'Connection: close',
      ...(headers.some((line) => /^(content-length|transfer-encoding)/i.test(line))
        ? []
        : [`Content-Length: ${body.length}`]),
      ...headers,
    ]
    const reply = await rawExchange(port, `${lines.join('\r\n')}\r\n\r\n${body}`)
    return [Number(reply.slice(9, 12)), reply]
  }

  it('lets an agent with a token through, by either name of this machine', async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LocalHost:${port}`]) {
      const [status, reply] = await ask({ host })
      expect(status).toBe(200)
      expect(reply.endsWith('{"ok":1}')).toBe(true)
    }
    expect((await ask({ headers: [`Origin: http://localhost:${port}`] }))[0]).toBe(200)
  })

  it.each([
    ['another host', { host: 'evil.example' }],
    ['another port', { host: '127.0.0.1:1' }],
    ['a host that begins like ours', { host: '127.0.0.1.evil.example' }],
    ['a foreign origin', { headers: ['Origin: https://evil.example'] }],
    ['an opaque origin', { headers: ['Origin: null'] }],
    ['an origin of another port', { headers: ['Origin: http://localhost:1'] }],
  ])('answers 403 to %s, whether the token is right, wrong or missing', async (_, what) => {
    for (const token of [undefined, 'wrong', null]) {
      const [status, reply] = await ask({ ...what, ...(token === undefined ? {} : { token }) })
      expect(status).toBe(403)
      expect(reply).not.toMatch(/www-authenticate/i)
    }
  })

  it('refuses requests without a host, or with two', async () => {
    expect([400, 403]).toContain((await ask({ host: null }))[0])
    expect([400, 403]).toContain((await ask({ headers: ['Host: evil.example'] }))[0])
  })

  it('answers 401 without the token, before it says what there is', async () => {
    for (const token of [null, '', 'wrong', `${chain.token}x`, chain.token.slice(0, -1)]) {
      for (const path of ['/mcp/raw', '/mcp/none', '/', '/mcp/raw?token=1']) {
        expect((await ask({ token, path }))[0]).toBe(401)
      }
    }
    expect((await ask({ headers: [`Authorization: Bearer ${chain.token}`] }))[0]).toBe(401)
  })

  it('knows no OAuth, for anybody', async () => {
    for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-authorization-server/mcp/raw']) {
      expect((await ask({ method: 'GET', path, token: null, body: '' }))[0]).toBe(404)
    }
  })

  it.each([
    '/mcp/none',
    '/',
    '/mcp',
    '/mcp/',
    '/mcp/raw/more',
    '/mcp/../mcp/raw',
    '/mcp/%72aw',
    '//mcp/raw',
    '/mcp/__proto__',
    '/mcp/toString',
  ])('has nothing at %s', async (path) => {
    expect((await ask({ path }))[0]).toBe(404)
  })

  it.each(['PUT', 'OPTIONS', 'PATCH', 'HEAD'])('does not know %s', async (method) => {
    const [status, reply] = await ask({ method })
    expect(status).toBe(405)
    expect(reply).toMatch(/allow: GET, POST, DELETE/i)
  })

  it('takes no more than 16 MiB, announced or not, and no compressed body', async () => {
    expect((await ask({ headers: [`Content-Length: ${16 * 1024 * 1024 + 1}`], body: '' }))[0]).toBe(413)
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`
    const [status] = await ask({ headers: ['Transfer-Encoding: chunked'], body: `${chunk.repeat(17)}0\r\n\r\n` })
    expect(status).toBe(413)
    expect((await ask({ headers: ['Content-Encoding: gzip'] }))[0]).toBe(415)
  })

  it('passes nothing on that two parsers read differently', async () => {
    const before = upstream.seen.length
    const [, reply] = await ask({ headers: ['Mcp-Session-Id: a', 'Mcp-Session-Id: b'] })
    expect(reply).toContain('there twice')
    const smuggled = await ask({ headers: ['Content-Length: 3', 'Transfer-Encoding: chunked'], body: '0\r\n\r\n' })
    expect(smuggled[0]).toBe(400)
    expect(upstream.seen.length).toBe(before)
  })

  it('forgets a token that was revoked, and no other', async () => {
    const token = chain.tokens.issue('guest')
    expect((await ask({ token }))[0]).toBe(200)
    chain.tokens.revoke('guest')
    expect((await ask({ token }))[0]).toBe(401)
    expect((await ask({}))[0]).toBe(200)
  })

  it('ends a stream that began when its agent was revoked, and does not leave it open behind the refusal', async () => {
    const token = chain.tokens.issue('guest')
    const plain = upstream.answer
    const left = new Promise<void>((resolve) => {
      upstream.answer = (_, response) => {
        chain.tokens.revoke('guest')
        response.once('close', resolve)
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${BODY}\n\n`)
      }
    })
    const [, reply] = await ask({ token })
    expect(reply).toContain('revoked')
    await left
    upstream.answer = plain
  })

  it('has no more connections than it may, and room again when others have ended', async () => {
    const routes = { has: () => false, open: () => Promise.reject(new Error('not asked')) }
    const bridge = new Bridge({ routes, tokens: chain.tokens, connections: 2 })
    const address = Number(new URL(await bridge.listen()).port)
    const raw = async () => {
      const socket = createConnection(address, '127.0.0.1').on('error', () => {})
      const closed = once(socket, 'close')
      await once(socket, 'connect')
      return { socket, closed }
    }
    const silent = [await raw(), await raw()]
    await (await raw()).closed
    for (const { socket } of silent) socket.destroy()
    const status = () => rawExchange(address, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n').catch(() => '')
    await expect.poll(status).toContain('HTTP/1.1 400')
    await bridge.close()
  })

  it('listens on a socket that only its owner can reach, with the same token', async () => {
    const path = await chain.bridge.listenSocket(join(folder, 'run'))
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o700)
    expect(statSync(path).mode & 0o077).toBe(0)
    const status = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ socketPath: path, path: '/mcp/raw', method: 'POST', headers })
        outgoing.once('response', (response) => resolve(response.resume().statusCode))
        outgoing.once('error', reject)
        outgoing.end(BODY)
      })
    expect(await status({ authorization: `Bearer ${chain.token}` })).toBe(200)
    expect(await status({})).toBe(401)
    expect(await status({ authorization: `Bearer ${chain.token}`, origin: 'http://localhost' })).toBe(403)
  })

  it('makes no socket in a folder that is open to others, or is a link', async () => {
    const open = mkdtempSync(join(folder, 'o-'))
    chmodSync(open, 0o755)
    await expect(chain.bridge.listenSocket(open)).rejects.toMatchObject({ code: 'file-permissions' })
    symlinkSync(mkdtempSync(join(folder, 't-')), join(folder, 'link'))
    await expect(chain.bridge.listenSocket(join(folder, 'link'))).rejects.toMatchObject({ code: 'file-permissions' })
    const deep = join(folder, 'x'.repeat(100))
    await expect(chain.bridge.listenSocket(deep)).rejects.toMatchObject({ code: 'config-invalid' })
  })
})
