import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpUpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { Connections } from '../../../src/mcp/upstream/connections.ts'
import { authorize, type AuthorizeOptions } from '../../../src/mcp/upstream/oauth/authorize.ts'
import { Grant } from '../../../src/mcp/upstream/oauth/grant.ts'
import { encodeGrant, parseGrant } from '../../../src/mcp/upstream/oauth/grantFile.ts'
import { Redirect } from '../../../src/mcp/upstream/oauth/redirect.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { silentLog } from '../../../src/support/log.ts'
import { StateFile } from '../../../src/trust/stateFile.ts'
import { Authority } from '../../fakes/certificates.ts'
import { Chain, textOf } from '../../fakes/mcpChain.ts'
import { browse, ProtectedServer } from '../../fakes/protectedServer.ts'
import { rawExchange, RawUpstream } from '../../fakes/rawUpstream.ts'

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}'
const SECRETS = /access-|refresh-|code-/

let server: ProtectedServer
let folder: string
let file: StateFile
const chains: Chain[] = []

beforeEach(async () => {
  server = await new ProtectedServer().listen()
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-grants-'))
  file = new StateFile(path.join(folder, 'grants'), 'web.json', { secret: true })
})
afterEach(async () => {
  await Promise.all(chains.splice(0).map((chain) => chain.close()))
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The person agrees in a browser, unless `visit` does something else with the address. */
async function agree(
  client: AuthorizeOptions['client'] = {},
  visit: (address: string, redirect: Redirect) => Promise<unknown> = browse,
  config: HttpUpstreamConfig = { url: server.url },
): Promise<{ issuer: string; address: URL }> {
  const [redirect, connections] = [await Redirect.listen(), new Connections(config)]
  let shown: { issuer: string; address: URL } | undefined
  let visited: Promise<unknown> | undefined
  try {
    const url = new URL(config.url)
    const show = (address: URL, issuer: string): void => {
      shown = { address, issuer }
      visited = visit(address.href, redirect)
    }
    const grant = await authorize({ url, connections, redirect, client, show, now: () => Date.now() })
    await visited
    await file.write(encodeGrant(grant))
  } finally {
    redirect.close()
    connections.close()
  }
  if (shown === undefined) throw new Error('nobody was asked')
  return shown
}

async function through(config: Partial<HttpUpstreamConfig> = {}): Promise<Chain> {
  const chain = await new Chain({ web: { url: server.url, ...config } }, { grants: () => file }).listen()
  chains.push(chain)
  return chain
}

async function call(chain: Chain, body = CALL): Promise<string> {
  const headers = {
    authorization: `Bearer ${chain.token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const reply = await fetch(chain.url('web'), { method: 'POST', headers, body })
  expect(reply.status).toBe(200)
  expect(Object.fromEntries(reply.headers)).not.toHaveProperty('www-authenticate')
  return await reply.text()
}

const stored = () => parseGrant(readFileSync(file.path, 'utf8'))

describe('a server that wants a token, without one', () => {
  it('is an error that names the command, and nothing that starts OAuth in the agent', async () => {
    const chain = await through()
    const answer = JSON.parse(await call(chain))
    expect(answer).toMatchObject({ id: 1, error: { data: { code: 'unauthorized' } } })
    expect(answer.error.message).toContain('countersign authorize --config FILE --server web')
    expect(server.seen).toEqual([undefined])
    // The gateway asks nobody by itself: neither the metadata nor the authorization server.
    expect(server.paths).toEqual([])
  })

  it('gets what the operator configured and no tokens beside it', async () => {
    await agree()
    const chain = await through({ headers: { Authorization: 'Bearer of-the-operator' } })
    server.seen.length = 0
    expect(await call(chain)).toContain('Set them in \\"headers\\"')
    expect(server.seen).toEqual(['Bearer of-the-operator'])
  })
})

describe('a grant', () => {
  it('is made by PKCE, for this resource and for what the server asked, and is kept for its owner alone', async () => {
    const { issuer, address } = await agree()
    expect(new URL(issuer).origin).toBe(server.origin)
    const asked = Object.fromEntries(address.searchParams)
    expect(asked).toMatchObject({
      code_challenge_method: 'S256',
      resource: server.url,
      scope: 'mcp:use',
      response_type: 'code',
    })
    expect(asked['redirect_uri']).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
    expect(stored()).toMatchObject({ url: server.url, resource: server.url, scope: 'mcp:use' })
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
    expect(statSync(path.dirname(file.path)).mode & 0o777).toBe(0o700)
  })

  it('counts for a gateway that runs already, from its next call on, and until it is removed', async () => {
    const chain = await through()
    expect(await call(chain)).toContain('countersign authorize')
    await agree()
    expect(await call(chain)).toContain(`you are ${stored().clientId}`)
    server.seen.length = 0
    await call(chain)
    expect(server.seen).toEqual([`Bearer ${stored().access}`])
    rmSync(file.path)
    expect(await call(chain)).toContain('countersign authorize')
    expect(server.seen.at(-1)).toBeUndefined()
  })

  it('serves the official client', async () => {
    await agree()
    const agent = await (await through()).agent('web')
    expect(textOf(await agent.callTool({ name: 'whoami' }))).toBe(`you are ${stored().clientId}`)
  })

  it('is renewed when the server refuses its token: once, however many calls wait', async () => {
    await agree()
    const chain = await through()
    const before = stored()
    server.expire()
    server.rules.asked.length = 0
    const answers = await Promise.all(Array.from({ length: 12 }, () => call(chain)))
    for (const answer of answers) expect(answer).toContain('you are')
    expect(server.rules.asked).toEqual(['refresh'])
    expect(stored()).toMatchObject({ resource: server.url, clientId: before.clientId })
    expect(stored().refresh).not.toBe(before.refresh)
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
  })

  it('is renewed before it is used when its time is over', async () => {
    server.rules.lifetime = 0
    await agree()
    server.rules.lifetime = 3600
    const chain = await through()
    server.seen.length = 0
    const old = stored().access
    expect(await call(chain)).toContain('you are')
    expect(server.seen).toEqual([`Bearer ${stored().access}`])
    expect(stored().access).not.toBe(old)
  })

  it('that another process renewed is read, and its used refresh token never sent again', async () => {
    await agree()
    const [one, other] = [await through(), await through()]
    await Promise.all([call(one), call(other)])
    server.expire()
    server.rules.asked.length = 0
    await call(one)
    expect(await call(other)).toContain('you are')
    expect(server.rules.asked).toEqual(['refresh'])
  })

  it('that was renewed while a call with the older token was on its way is taken from the file', async () => {
    await agree()
    const [url, connections] = [new URL(server.url), new Connections({})]
    const grant = new Grant({ name: 'web', url, file, connections, clock: systemClock, log: silentLog })
    server.rules.asked.length = 0
    expect(await grant.renewed('the older one')).toBe(stored().access)
    expect(server.rules.asked).toEqual([])
    connections.close()
  })

  it('that the authorization server has ended is asked for once, and then a person is', async () => {
    await agree()
    const chain = await through()
    server.expire()
    server.rules.refresh.clear()
    server.rules.asked.length = 0
    expect(await call(chain)).toContain('countersign authorize')
    expect(await call(chain)).toContain('countersign authorize')
    expect(server.rules.asked).toEqual(['refresh'])
    await agree()
    expect(await call(chain)).toContain('you are')
  })

  it('that cannot be renewed now is left as it is and tried again', async () => {
    await agree()
    const chain = await through()
    server.expire()
    server.rules.down = true
    expect(await call(chain)).toContain('did not renew the token')
    server.rules.down = false
    expect(await call(chain)).toContain('you are')
  })

  it('is sent to no other address that the configuration has under that name', async () => {
    await agree()
    const other = await new ProtectedServer().listen()
    try {
      expect(await call(await through({ url: other.url }))).toContain('countersign authorize')
      expect(other.seen).toEqual([undefined])
    } finally {
      await other.close()
    }
  })

  it.runIf(process.getuid !== undefined)('that others can read is not used', async () => {
    await agree()
    chmodSync(file.path, 0o644)
    const chain = await through()
    server.seen.length = 0
    expect(await call(chain)).toContain('cannot be read or kept')
    expect(server.seen).toEqual([])
    expect(chain.logged.join('\n')).toContain('file-permissions')
  })

  it('is in no log, and in nothing that a client gets', async () => {
    await agree()
    const chain = await through()
    const answers = [await call(chain)]
    server.expire()
    answers.push(await call(chain))
    server.expire()
    server.rules.refresh.clear()
    answers.push(await call(chain))
    expect(answers.join('\n') + chain.logged.join('\n')).not.toMatch(SECRETS)
    expect(chain.logged.length).toBeGreaterThan(0)
  })

  it('works over TLS with a private authority, for the authorization server too', async () => {
    const authority = await Authority.create()
    const secure = await new ProtectedServer(await authority.issue('IP:127.0.0.1')).listen()
    try {
      const config = { url: secure.url, ca: authority.pem }
      const visit = async (_: string, redirect: Redirect) =>
        browse(`${redirect.url.href}?state=${redirect.state}&error=access_denied`)
      await expect(agree({}, visit, config)).rejects.toThrow('access_denied')
      expect(secure.paths).toContain('/register')
      secure.paths.length = 0
      await expect(agree({}, visit, { url: secure.url })).rejects.toThrow('cannot be reached')
      expect(secure.paths).toEqual([])
    } finally {
      await secure.close()
      authority.remove()
    }
  })
})

describe('what a person is not led into', () => {
  it('a refusal is said, and nothing is kept', async () => {
    server.rules.says = 'no'
    await expect(agree()).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('access_denied'),
    })
    expect(await file.read()).toBeUndefined()
  })

  it('an answer without our state, of another host, path or method changes nothing', async () => {
    const replies: string[] = []
    await agree({}, async (address, { url, state }) => {
      const port = Number(url.port)
      for (const target of [
        `/callback?code=x&state=${state}x`,
        '/callback?code=x',
        `/other?code=x&state=${state}`,
        '/callback?error=e',
      ])
        replies.push(await rawExchange(port, `GET ${target} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`))
      replies.push(
        await rawExchange(
          port,
          `GET /callback?code=x&state=${state} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n`,
        ),
      )
      replies.push(
        await rawExchange(
          port,
          `POST /callback?code=x&state=${state} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`,
        ),
      )
      await browse(address)
    })
    expect(replies.map((reply) => reply.slice(9, 12))).toEqual(['400', '400', '404', '400', '404', '404'])
    expect(stored().url).toBe(server.url)
  })

  const WRONG: readonly [string, () => void, RegExp, AuthorizeOptions['client']?][] = [
    [
      'metadata of another authorization server',
      () => (server.metadata['issuer'] = 'https://other.example'),
      /metadata is of another one/,
    ],
    [
      'an authorization server without PKCE',
      () => (server.metadata['code_challenge_methods_supported'] = ['plain']),
      /PKCE/,
    ],
    [
      'one that does not say that it has PKCE',
      () => (server.metadata['code_challenge_methods_supported'] = undefined),
      /PKCE/,
    ],
    [
      'one that registers nobody',
      () => (server.metadata['registration_endpoint'] = undefined),
      /configure "clientId" and "issuer"/,
    ],
    [
      'another issuer than is configured',
      () => {},
      /another "issuer" than is configured/,
      { issuer: 'https://other.example' },
    ],
    [
      'the tokens of another server',
      () => (server.resource['resource'] = 'https://other.example/mcp'),
      /gave an answer that OAuth does not have/,
    ],
    [
      'a page that is no web page',
      () => (server.metadata['authorization_endpoint'] = 'file:///etc/passwd'),
      /is not https|OAuth does not have/,
    ],
    [
      'a page in the clear',
      () => (server.metadata['authorization_endpoint'] = 'http://far.example/authorize'),
      /http:\/\/far\.example .* is not https/,
    ],
    [
      'a token endpoint in the clear',
      () => (server.metadata['token_endpoint'] = 'http://far.example/token'),
      /is not https/,
    ],
    [
      'an authorization server in the clear',
      () => (server.resource['authorization_servers'] = ['http://far.example/']),
      /is not https/,
    ],
    [
      'an answer of another authorization server',
      () => (server.rules.iss = 'https://other.example'),
      /another one answered/,
    ],
    [
      'an answer of nobody where a name was promised',
      () => (server.metadata['authorization_response_iss_parameter_supported'] = true),
      /another one answered/,
    ],
  ]
  it.each(WRONG)('%s', async (_, change, sentence, client = {}) => {
    change()
    await expect(agree(client)).rejects.toThrow(sentence)
    expect(await file.read()).toBeUndefined()
    expect(server.rules.access.size).toBe(0)
  })

  it('the name of the authorization server in its answer is taken where it is the right one', async () => {
    server.rules.iss = `${server.origin}/`
    server.metadata['authorization_response_iss_parameter_supported'] = true
    await agree()
    expect(stored().url).toBe(server.url)
  })

  it('a server elsewhere that names an address of this machine', async () => {
    const { assertAllowed, mayHoldTokens } = await import('../../../src/mcp/upstream/oauth/address.ts')
    const far = new URL('https://mcp.example/mcp')
    for (const address of [
      'http://127.0.0.1:80/',
      'https://127.0.0.1/',
      'https://localhost/',
      'https://[::1]/',
      'https://2130706433/',
      'https://0.0.0.0/',
      'https://[::]/',
      'https://[::ffff:127.0.0.1]/',
      'https://localhost./',
      'https://a.localhost/',
      'https://a:b@c.example/',
    ])
      expect(() => assertAllowed(new URL(address), far), address).toThrow(
        expect.objectContaining({ code: 'forbidden' }),
      )
    for (const address of [
      'https://login.example/',
      'https://10.0.0.1/',
      'https://notlocalhost/',
      'https://[fd00::7f00:1]/',
    ])
      expect(() => assertAllowed(new URL(address), far), address).not.toThrow()
    expect([far, new URL('http://127.0.0.1:1/'), new URL('http://mcp.example/')].map(mayHoldTokens)).toEqual([
      true,
      true,
      false,
    ])
  })

  it('a client that was agreed on is used as it is, with its secret at the token endpoint', async () => {
    const client = { clientId: 'agreed', clientSecret: 'a-secret', issuer: server.origin }
    const known = { client_id: 'agreed', client_secret: 'a-secret' }
    const visit = async (address: string, { url }: Redirect) => {
      server.rules.clients.set('agreed', { ...known, redirect_uris: [url.href] })
      return browse(address)
    }
    await agree(client, visit)
    expect(stored()).toMatchObject({ clientId: 'agreed', clientSecret: 'a-secret' })
    expect(server.paths).not.toContain('/register')
    server.expire()
    expect(await call(await through())).toContain('you are agreed')
  })
})

describe('what a server says when it refuses', () => {
  it('points to no metadata at another server', async () => {
    const raw = await new RawUpstream().listen()
    raw.answer = (_, response) => {
      const challenge = `Bearer resource_metadata="${server.origin}/.well-known/oauth-protected-resource/mcp"`
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    }
    try {
      await expect(agree({}, browse, { url: raw.url })).rejects.toThrow('metadata of its own at another server')
      expect(server.paths).toEqual([])
    } finally {
      await raw.close()
    }
  })

  it('by a redirect is followed neither with a token nor without', async () => {
    await agree()
    const raw = await new RawUpstream().listen()
    raw.answer = (_, response) => void response.writeHead(307, { location: server.url }).end()
    try {
      await file.write(encodeGrant({ ...stored(), url: raw.url }))
      const chain = await through({ url: raw.url })
      server.seen.length = 0
      expect(await call(chain)).toContain('redirects are not followed')
      expect([raw.seen.length, server.seen.length]).toEqual([1, 0])
    } finally {
      await raw.close()
    }
  })
})

describe('the way back of the browser', () => {
  it('has the port that was configured, or says that it is taken', async () => {
    const first = await Redirect.listen()
    const port = Number(first.url.port)
    await expect(Redirect.listen(port)).rejects.toMatchObject({ code: 'usage' })
    first.close()
    const second = await Redirect.listen(port)
    expect(second.url.port).toBe(String(port))
    second.close()
  })
})
