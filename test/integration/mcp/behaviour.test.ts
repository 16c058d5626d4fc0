import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { INHERITED } from '../../../src/mcp/upstream/config.ts'
import { BIG_SERVER, bigStdio, Chain, startHttp, textOf } from '../../fakes/mcpChain.ts'

const MiB = 1024 * 1024

describe.each(['stdio', 'http'])('a server over %s', (kind) => {
  let chain: Chain
  let stop = async (): Promise<void> => {}

  beforeAll(async () => {
    let config: UpstreamConfig = bigStdio
    if (kind === 'http') {
      const server = await startHttp([BIG_SERVER, 'http'])
      config = { url: server.url }
      stop = server.stop
    }
    chain = await new Chain({ big: config }, { latency: 2 }).listen()
  })

  afterAll(async () => {
    await chain.close()
    await stop()
  })

  it('gives a result of 10 MB', async () => {
    const agent = await chain.agent('big')
    const text = textOf(await agent.callTool({ name: 'big', arguments: { size: 10_000_000 } }))
    expect(text.length).toBe(10_000_000)
  })

  it('takes 200 calls at once, each executed once, with far fewer signatures', async () => {
    const agent = await chain.agent('big')
    const before = chain.client.batches + chain.server.batches
    const first = Number(textOf(await agent.callTool({ name: 'count' })))
    const answers = await Promise.all(Array.from({ length: 200 }, () => agent.callTool({ name: 'count' })))
    const numbers = answers.map((answer) => Number(textOf(answer))).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, index) => first + 1 + index))
    expect(chain.client.batches + chain.server.batches - before).toBeLessThan(201)
  })

  it('cancels a call', async () => {
    const agent = await chain.agent('big')
    const abort = new AbortController()
    const call = agent.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, { signal: abort.signal })
    setTimeout(() => abort.abort(), 100)
    await expect(call).rejects.toThrow()
    await expect
      .poll(async () => textOf(await agent.callTool({ name: 'count', arguments: { read: true } })).split(' ')[1])
      .not.toBe('0')
  })

  it('lets the server ask in the middle of a call', async () => {
    const client = new Client({ name: 'agent', version: '1' }, { capabilities: { sampling: {}, elicitation: {} } })
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { name: 'Ada' } }))
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: 'none',
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'sampled' },
    }))
    const agent = await chain.agent('big', client)
    expect(textOf(await agent.callTool({ name: 'ask' }))).toBe('accept Ada')
    expect(textOf(await agent.callTool({ name: 'sample' }))).toBe('sampled')
  })

  it('does not let a slow reader grow memory or hold up others', async () => {
    const agent = await chain.agent('big')
    const other = await chain.agent('big')
    const sessionId = await begin(chain)
    const body = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'flood', arguments: { events: 600, size: 100_000 } },
    }
    const slow = await post(chain, body, sessionId)
    const reader = slow.body?.getReader()
    await reader?.read()
    // Held up, these would wait for a reader that reads on only after them.
    for (let index = 0; index < 20; index += 1) {
      await other.callTool({ name: 'count' })
      await agent.callTool({ name: 'count' })
    }
    // Of the 60 MB what the credit, and the buffers of the sockets behind it, can hold; the rest waits at the server.
    const exchange = chain.server.sent.findLast(({ kind, ctx }) => kind === 'event' && ctx.length > 100_000)?.exchange
    const left = chain.server.sent.filter((statement) => statement.exchange === exchange)
    expect(left.reduce((sum, { ctx }) => sum + ctx.length, 0)).toBeLessThan(24 * MiB)
    let bytes = 0
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) break
      bytes += value?.length ?? 0
    }
    expect(bytes).toBeGreaterThan(55_000_000)
  }, 40_000)

  it('cancels the exchange when the agent disconnects', async () => {
    const sessionId = await begin(chain)
    const abort = new AbortController()
    const body = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'slow', arguments: { ms: 60_000 } } }
    const call = post(chain, body, sessionId, abort.signal)
    call.catch(() => {})
    const cancels = (): number => chain.client.sent.filter((statement) => statement.kind === 'cancel').length
    const before = cancels()
    await new Promise((resolve) => setTimeout(resolve, 100))
    abort.abort()
    await expect.poll(cancels).toBe(before + 1)
    const { exchange } = chain.client.sent.findLast((statement) => statement.kind === 'cancel') ?? {}
    const ends = (): unknown[] => chain.server.sent.filter((s) => s.kind === 'end' && s.exchange === exchange)
    await expect.poll(() => ends().length).toBe(1)
  })

  it('answers 404 for an MCP session that ended, or that never was', async () => {
    const sessionId = await begin(chain)
    const ping = { jsonrpc: '2.0', id: 9, method: 'ping' }
    expect((await post(chain, ping, sessionId)).status).toBe(200)
    const headers = { authorization: `Bearer ${chain.token}`, 'mcp-session-id': sessionId }
    expect((await fetch(chain.url('big'), { method: 'DELETE', headers })).status).toBe(200)
    expect((await post(chain, ping, sessionId)).status).toBe(404)
    expect((await post(chain, ping, 'guessed')).status).toBe(404)
  })

  it('keeps an MCP session from other clients', async () => {
    const sessionId = await begin(chain)
    const { sessionPair } = await import('../../fakes/sessionPair.ts')
    const thief = sessionPair({}, 'thief')
    const exchanges = chain.attach(thief.client, thief.server)
    const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}')
    const headers = [
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ['mcp-session-id', sessionId],
    ] as const
    expect((await exchanges.open('big', { method: 'POST', headers, body })).status).toBe(404)
    await thief.client.close()
  })
})

describe('a stdio server', () => {
  it('gets no more of the environment than the list and its configuration', async () => {
    process.env['COUNTERSIGN_TEST_SECRET'] = 'secret'
    const chain = await new Chain({ big: { ...bigStdio, env: { OWN: 'yes' } } }).listen()
    const agent = await chain.agent('big')
    const names = Object.keys(JSON.parse(textOf(await agent.callTool({ name: 'env' }))))
    expect(names).toContain('OWN')
    expect(names.filter((name) => name !== 'OWN' && !INHERITED.includes(name))).toEqual([])
    await chain.close()
  })

  it('is a process of its own for each MCP session, and all end with the gateway', async () => {
    const chain = await new Chain({ big: bigStdio }).listen()
    const agents = [await chain.agent('big'), await chain.agent('big')]
    const pids = await Promise.all(agents.map(async (agent) => Number(textOf(await agent.callTool({ name: 'pid' })))))
    expect(new Set(pids).size).toBe(2)
    await chain.close()
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow()
  })

  it('ends when the session ends', async () => {
    const chain = await new Chain({ big: bigStdio }).listen()
    const agent = await chain.agent('big')
    const pid = Number(textOf(await agent.callTool({ name: 'pid' })))
    await chain.client.close()
    await expect.poll(() => lives(pid)).toBe(false)
    await chain.close()
  })

  it('that does not start, or ends, is named in the error', async () => {
    const servers = {
      missing: { command: '/nowhere/to/be/found' },
      dies: { command: process.execPath, args: [BIG_SERVER, 'die'] },
      big: bigStdio,
    }
    const chain = await new Chain(servers).listen()
    await expect(chain.agent('missing')).rejects.toThrow(/missing cannot be started/)
    await expect(chain.agent('dies')).rejects.toThrow(/dies ended with exit code 3.*check its command/)
    expect(chain.logged.join()).toContain('no configuration found')
    const agent = await chain.agent('big')
    await expect(agent.callTool({ name: 'exit' })).rejects.toThrow(/ended during the call/)
    await expect(agent.callTool({ name: 'count' })).rejects.toMatchObject({
      code: 404,
      message: expect.stringContaining('big ended with exit code 7'),
    })
    await expect(chain.agent('elsewhere')).rejects.toThrow(/no server elsewhere/)
    await chain.close()
  })

  it('shares a process among stateless requests whose ids differ, and is told of a closed one in words', async () => {
    const chain = await new Chain({ big: bigStdio }).listen()
    const call = (id: number, name: string, input = {}, signal?: AbortSignal): Promise<Response> => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      }
      const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name }
      const params = { name, arguments: input, _meta }
      return post(chain, { jsonrpc: '2.0', id, method: 'tools/call', params }, headers, signal)
    }
    const pid = async (id: number): Promise<string> =>
      JSON.stringify(await (await call(id, 'pid')).json()).replace(`"id":${id}`, '')
    const abort = new AbortController()
    const first = await pid(1)
    expect(await pid(1)).toBe(first)
    const slow = call(1, 'slow', { ms: 60_000 }, abort.signal)
    slow.catch(() => {})
    await expect.poll(() => pid(1)).not.toBe(first)
    expect(await pid(2)).toBe(first)
    abort.abort()
    await expect
      .poll(async () => JSON.stringify(await (await call(3, 'count', { read: true })).json()))
      .toMatch(/"\d+ 1"/)
    await chain.close()
  })
})

describe('the session’s end', () => {
  it('gives calls in flight an outcome that is unknown, and later ones a session that is closed', async () => {
    const chain = await new Chain({ big: bigStdio }).listen()
    const agent = await chain.agent('big')
    const call = agent.callTool({ name: 'slow', arguments: { ms: 60_000 } })
    setTimeout(() => void chain.client.close(), 100)
    await expect(call).rejects.toThrow(/may have carried out the call/)
    await expect(agent.callTool({ name: 'count' })).rejects.toThrow(/session with the gateway is closed/)
    await chain.close()
  })

  it('of the signer is an error with the code that programs read', async () => {
    const { CountersignError } = await import('../../../src/support/errors.ts')
    const chain = await new Chain({ big: bigStdio }).listen()
    const sessionId = await begin(chain)
    chain.client.broken = new CountersignError('signer-unavailable', 'The token was pulled out.')
    const reply = await post(chain, { jsonrpc: '2.0', id: 'x', method: 'ping' }, sessionId)
    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      error: { code: 1001, message: 'Countersign: The token was pulled out.', data: { code: 'signer-unavailable' } },
    })
    chain.client.broken = undefined
    chain.server.broken = new CountersignError('signer-unavailable', 'The token was pulled out.')
    const unknown = await post(chain, { jsonrpc: '2.0', id: 'y', method: 'ping' }, sessionId)
    expect(await unknown.json()).toMatchObject({ id: 'y', error: { data: { code: 'outcome-unknown' } } })
    await chain.close()
  })
})

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** `more`: an MCP session's id, or headers. */
function post(
  chain: Chain,
  body: unknown,
  more: string | Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const headers = {
    authorization: `Bearer ${chain.token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(typeof more === 'string' ? { 'mcp-session-id': more } : more),
  }
  return fetch(chain.url('big'), { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) })
}

/** An MCP session by hand. */
async function begin(chain: Chain): Promise<string> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'hand', version: '1' } }
  const reply = await post(chain, { jsonrpc: '2.0', id: 0, method: 'initialize', params })
  await reply.text()
  const sessionId = reply.headers.get('mcp-session-id') ?? ''
  await post(chain, { jsonrpc: '2.0', method: 'notifications/initialized' }, sessionId)
  return sessionId
}
