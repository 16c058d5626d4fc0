import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { Upstreams } from '../../../src/mcp/upstream/upstreams.ts'
import { Authority } from '../../fakes/certificates.ts'
import { ConnectProxy } from '../../fakes/connectProxy.ts'
import { Chain } from '../../fakes/mcpChain.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'
import { node24 } from '../../setup/node24.mjs'
import type { LegsReport } from './legsMain.ts'

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}'
let authority: Authority
let upstream: RawUpstream
let proxy: ConnectProxy

beforeAll(async () => {
  authority = await Authority.create()
  upstream = await new RawUpstream(await authority.issue('IP:127.0.0.1', 'DNS:mcp.example')).listen()
  upstream.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER)
  proxy = await new ConnectProxy(() => upstream.port).listen()
})
afterAll(async () => {
  await upstream.close()
  await proxy.close()
  authority.remove()
})

describe('the leg to a server', () => {
  it.each<[string, UpstreamConfig, object]>([
    ['a command', { command: 'server' }, { reach: 'pipe', proxied: false }],
    ['loopback', { url: 'http://127.0.0.1:1/mcp' }, { reach: 'loopback', proxied: false }],
    ['loopback with TLS', { url: 'https://[::1]:1/' }, { reach: 'loopback', proxied: false }],
    [
      'loopback beside a proxy',
      { url: 'http://localhost/', proxy: 'http://p:1' },
      { reach: 'loopback', proxied: false },
    ],
    ['HTTP over a network', { url: 'http://mcp.example/', plain: true }, { reach: 'plain', proxied: false }],
    [
      'HTTP through a proxy',
      { url: 'http://a.example/', plain: true, proxy: 'http://p:1' },
      { reach: 'plain', proxied: true },
    ],
    ['TLS before the first connection', { url: 'https://mcp.example/' }, { reach: 'tls', proxied: false }],
  ])('of %s says that', async (_, config, leg) => {
    const upstreams = new Upstreams({ one: config })
    expect(upstreams.legs).toEqual([{ server: 'one', ...leg }])
    await upstreams.close()
  })

  it('of TLS says what its connection agreed on, once there is one, and nothing of where it leads', async () => {
    const config = { url: 'https://mcp.example:8443/mcp', ca: authority.pem, proxy: proxy.url }
    const chain = await new Chain({ raw: config }).listen()
    const changes: unknown[] = []
    chain.upstreams.onLegs(() => changes.push(chain.upstreams.legs))
    const headers = { authorization: `Bearer ${chain.token}` }
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    const call = async () => await (await fetch(chain.url('raw'), { method: 'POST', headers, body })).text()
    for (let calls = 0; calls < 3; calls += 1) expect(await call()).toBe(ANSWER)
    // With the Node of the tests on both ends: 24 and later have ML-KEM, those before have not.
    const reach = Number(process.versions.node.split('.')[0]) >= 24 ? 'tls-mlkem' : 'tls-classical'
    expect(changes).toEqual([[{ server: 'raw', reach, proxied: true }]])
    await chain.close()
  })

  it('of a server whose certificate was refused stays unknown', async () => {
    const chain = await new Chain({ raw: { url: 'https://mcp.example:8443/mcp', proxy: proxy.url } }).listen()
    const headers = { authorization: `Bearer ${chain.token}` }
    const reply = await fetch(chain.url('raw'), {
      method: 'POST',
      headers,
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    })
    expect(await reply.text()).toContain('was not accepted')
    expect(chain.upstreams.legs).toEqual([{ server: 'raw', reach: 'tls', proxied: true }])
    await chain.close()
  })

  it('under Node 24 tells ML-KEM from a curve, and the worst connection counts', async () => {
    const { node } = await node24()
    const outfile = join(authority.folder, 'legs.mjs')
    const entry = join(import.meta.dirname, 'legsMain.ts')
    await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile })
    const certificate = JSON.stringify({ ...(await authority.issue('DNS:mcp.example')), ca: authority.pem })
    const { stdout } = await promisify(execFile)(node, [outfile], { env: { ...process.env, CERTIFICATE: certificate } })
    const classical = 'tls-classical'
    const report: LegsReport = JSON.parse(stdout)
    expect(report).toEqual({
      groups: {
        X25519MLKEM768: 'tls-mlkem',
        X25519: classical,
        'P-256': classical,
        ffdhe2048: classical,
        'TLSv1.2': classical,
      },
      leg: ['tls', 'tls-mlkem', 'tls-mlkem', 'tls-classical', 'tls-classical'],
    })
  }, 300_000)
})
