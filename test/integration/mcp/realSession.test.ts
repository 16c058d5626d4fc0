import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bridge } from '../../../src/mcp/bridge/bridge.ts'
import { Tokens } from '../../../src/mcp/bridge/tokens.ts'
import { ExchangeClient } from '../../../src/mcp/exchange/client.ts'
import { ExchangeServer } from '../../../src/mcp/exchange/gateway.ts'
import { Upstreams } from '../../../src/mcp/upstream/upstreams.ts'
import { bigStdio, textOf } from '../../fakes/mcpChain.ts'
import { join, type Pair, Party } from '../../fakes/party.ts'

/** The whole way of a call with the session itself in the middle: handshake, sealed records, ML-DSA-87 batches. */
describe('an agent and a server with a real session between them', () => {
  let editor: Party
  let gateway: Party
  let pair: Pair
  let bridge: Bridge
  let agent: Client
  const upstreams = new Upstreams({ big: bigStdio })
  const servers: ExchangeServer[] = []

  beforeAll(async () => {
    editor = await Party.create(1, 'editor')
    gateway = await Party.create(2, 'gateway')
    pair = await join(editor, gateway)
    servers.push(new ExchangeServer(pair.gateway, upstreams.handle, gateway.ports.log))
    const client = new ExchangeClient(pair.client, editor.ports.log)
    const tokens = new Tokens()
    const token = tokens.issue('agent')
    bridge = new Bridge({ routes: { has: (name) => name === 'big', open: () => Promise.resolve(client) }, tokens })
    const url = new URL('/mcp/big', await bridge.listen())
    agent = new Client({ name: 'agent', version: '1' })
    await agent.connect(
      new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
    )
  })

  afterAll(async () => {
    await agent.close()
    await bridge.close()
    await pair.client.close()
    await upstreams.close()
  })

  it('signs a call and its answer, and both ends keep the evidence', async () => {
    await agent.callTool({ name: 'count' })
    const calls = gateway.journal
      .filter((entry) => entry.how === 'received')
      .map(({ statement }) => Buffer.from(statement).toString())
    expect(calls.filter((statement) => statement.includes('"method":"tools/call"'))).toHaveLength(1)
    expect(gateway.rejections).toEqual([])
    expect(editor.rejections).toEqual([])
  })

  it('takes 50 calls at once, each executed once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => agent.callTool({ name: 'count' })))
    expect(new Set(answers.map(textOf)).size).toBe(50)
  })

  it('gives a result of 10 MB', async () => {
    const answer = await agent.callTool({ name: 'big', arguments: { size: 10_000_000 } })
    expect(textOf(answer).length).toBe(10_000_000)
  })

  it('passes a flood of events to a reader that keeps up', async () => {
    expect(textOf(await agent.callTool({ name: 'flood', arguments: { events: 100, size: 20_000 } }))).toBe('done')
  })

  it('gives calls in flight an outcome that is unknown when the connection is lost', async () => {
    const call = agent.callTool({ name: 'slow', arguments: { ms: 60_000 } })
    setTimeout(() => void pair.carriers[0].close(), 200)
    await expect(call).rejects.toThrow(/may have carried out the call/)
    await expect(agent.callTool({ name: 'count' })).rejects.toThrow(/Countersign:/)
  })
})
