import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type JSONRPCMessage, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, describe, expect, it } from 'vitest'
import { runStdioShim } from '../../../src/mcp/client/stdioShim.ts'
import { inspectServer } from '../../../src/mcp/client/sdkClient.ts'
import type { UpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { BIG_SERVER, bigStdio, Chain, startHttp, textOf } from '../../fakes/mcpChain.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'

/** The agent's end of a shim: lines in, lines out. */
class Agent implements Transport {
  onclose?: () => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly lines: string[] = []
  readonly input = new PassThrough()
  readonly output = new PassThrough()
  readonly done: Promise<void>

  constructor(chain: Chain, server: string, connect = () => Promise.resolve(chain.exchanges)) {
    this.done = runStdioShim({ connect, server, input: this.input, output: this.output, log: chain.log })
    createInterface(this.output).on('line', (line) => {
      this.lines.push(line)
      this.onmessage?.(JSON.parse(line))
    })
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.say(JSON.stringify(message))
    return Promise.resolve()
  }

  say(line: string): void {
    this.input.write(`${line}\n`)
  }

  async close(): Promise<void> {
    this.input.end()
    await this.done
    this.onclose?.()
  }
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function chainTo(kind: string): Promise<Chain> {
  let config: UpstreamConfig = bigStdio
  if (kind === 'http') {
    const server = await startHttp([BIG_SERVER, 'http'])
    stops.push(server.stop)
    config = { url: server.url }
  }
  const chain = await new Chain({ big: config }).listen()
  stops.push(() => chain.close())
  return chain
}

describe.each(['stdio', 'http'])('an agent on stdio and a server over %s', (kind) => {
  it('speak as if there were nothing between them', async () => {
    const agent = new Agent(await chainTo(kind), 'big')
    const client = new Client({ name: 'agent', version: '1' }, { capabilities: { elicitation: {} } })
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { name: 'Ada' } }))
    await client.connect(agent)
    expect(textOf(await client.callTool({ name: 'ask' }))).toBe('accept Ada')
    const seen: number[] = []
    const slow = { name: 'slow', arguments: { ms: 100, steps: 4 } }
    await client.callTool(slow, undefined, { onprogress: ({ progress }) => void seen.push(progress) })
    expect(seen.slice(0, 3)).toEqual([1, 2, 3])
    expect(textOf(await client.callTool({ name: 'big', arguments: { size: 3_000_000 } })).length).toBe(3_000_000)
    const counts = await Promise.all(Array.from({ length: 300 }, () => client.callTool({ name: 'count' })))
    expect(new Set(counts.map(textOf)).size).toBe(300)
    const abort = new AbortController()
    const cancelled = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, { signal: abort.signal })
    setTimeout(() => abort.abort(), 50)
    await expect(cancelled).rejects.toThrow()
    await expect
      .poll(async () => textOf(await client.callTool({ name: 'count', arguments: { read: true } })).split(' ')[1])
      .toBe('1')
    await client.close()
  })
})

describe('the stdio shim', () => {
  it('ends the MCP session when the agent goes', async () => {
    const chain = await chainTo('stdio')
    const agent = new Agent(chain, 'big')
    const client = new Client({ name: 'agent', version: '1' })
    await client.connect(agent)
    const pid = Number(textOf(await client.callTool({ name: 'pid' })))
    await client.close()
    expect(() => process.kill(pid, 0)).toThrow()
  })

  it('answers what fails with the exact id token, and goes on', async () => {
    const chain = await chainTo('stdio')
    let broken = true
    const connect = (): Promise<typeof chain.exchanges> => {
      const error = new CountersignError('gateway-unreachable', 'The gateway cannot be reached.')
      return broken ? Promise.reject(error) : Promise.resolve(chain.exchanges)
    }
    const agent = new Agent(chain, 'big', connect)
    agent.say('{"jsonrpc":"2.0","id":1.50,"method":"ping"}')
    agent.say('{"jsonrpc":"2.0","method":"notifications/lost"}')
    agent.say('this is no JSON')
    await expect.poll(() => agent.lines.length).toBe(2)
    expect(agent.lines[0]).toContain('"id":null')
    expect(agent.lines.find((line) => line.includes('"id":1.50,'))).toContain('gateway-unreachable')
    broken = false
    agent.say('{"jsonrpc":"2.0","id":"s","method":"ping"}')
    await expect.poll(() => agent.lines.length).toBe(3)
    expect(agent.lines[2]).toMatch(/"id":"s","error".*status 400.*Send initialize first/)
    await agent.close()
  })

  it('passes messages byte for byte, and what spans lines as one', async () => {
    const upstream = await new RawUpstream().listen()
    stops.push(() => upstream.close())
    const chain = await new Chain({ raw: { url: upstream.url } }).listen()
    stops.push(() => chain.close())
    const answer = '{"zz":1e400,"id":"\\u0061","result":{"n":12345678901234567890},"jsonrpc":"2.0"}'
    upstream.answer = (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${answer}\n\n`)
    const agent = new Agent(chain, 'raw')
    const line = '{ "extra":-0.0, "id" : "a", "method":"x","jsonrpc":"2.0"}'
    agent.say(line)
    await expect.poll(() => agent.lines).toEqual([answer])
    expect(upstream.seen[0]?.body.toString()).toBe(line)
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{\n  "id": 2,\r\n  "result": {}\n}')
    }
    agent.say('{"id":2,"method":"x"}')
    await expect.poll(() => agent.lines[1]).toBe('{   "id": 2,    "result": {} }')
    await agent.close()
  })

  it('gives a stateless request its headers, and cancels it by leaving', async () => {
    const upstream = await new RawUpstream().listen()
    stops.push(() => upstream.close())
    const chain = await new Chain({ raw: { url: upstream.url } }).listen()
    stops.push(() => chain.close())
    upstream.answer = () => {}
    const agent = new Agent(chain, 'raw')
    const meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'
    agent.say(`{"id":1,"method":"resources/read","params":{"uri":"file:///ü",${meta}}}`)
    await expect.poll(() => upstream.seen.length).toBe(1)
    expect(upstream.seen[0]?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'resources/read',
      'mcp-name': `=?base64?${Buffer.from('file:///ü').toString('base64')}?=`,
    })
    agent.say('{"method":"notifications/cancelled","params":{"requestId":1}}')
    await expect.poll(() => chain.client.sent.map(({ kind }) => kind)).toEqual(['request', 'cancel'])
    expect(upstream.seen.length).toBe(1)
    await agent.close()
  })

  it('repeats in headers the arguments that a list of the tools marked', async () => {
    const upstream = await new RawUpstream().listen()
    stops.push(() => upstream.close())
    const chain = await new Chain({ raw: { url: upstream.url } }).listen()
    stops.push(() => chain.close())
    const schema = '{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}'
    upstream.answer = (_, response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"id":1,"result":{"tools":[{"name":"a","inputSchema":${schema}}]}}`)
    const agent = new Agent(chain, 'raw')
    const meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'
    agent.say(`{"id":1,"method":"tools/list","params":{${meta}}}`)
    await expect.poll(() => agent.lines.length).toBe(1)
    agent.say(`{"id":1,"method":"tools/call","params":{"name":"a","arguments":{"region":"eu"},${meta}}}`)
    await expect.poll(() => agent.lines.length).toBe(2)
    expect(upstream.seen[1]?.headers).toMatchObject({ 'mcp-name': 'a', 'mcp-param-region': 'eu' })
    await agent.close()
  })

  it('gives the agent the answer that came with the status of an error, as it is', async () => {
    const upstream = await new RawUpstream().listen()
    stops.push(() => upstream.close())
    const chain = await new Chain({ raw: { url: upstream.url } }).listen()
    stops.push(() => chain.close())
    const answer = '{"id":"\\u0061","error":{"code":-32601,"message":"no","extra":1e400}}'
    upstream.answer = (_, response) => void response.writeHead(404, { 'content-type': 'application/json' }).end(answer)
    const agent = new Agent(chain, 'raw')
    agent.say('{"id":"a","method":"x"}')
    await expect.poll(() => agent.lines).toEqual([answer])
    agent.say('{"id":"b","method":"x"}')
    await expect.poll(() => agent.lines[1]).toContain('"code":"server-gone"')
    await agent.close()
  })

  it('follows a stream that its server closed early', async () => {
    const upstream = await new RawUpstream().listen()
    stops.push(() => upstream.close())
    const chain = await new Chain({ raw: { url: upstream.url } }).listen()
    stops.push(() => chain.close())
    upstream.answer = ({ method, headers }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      if (method === 'POST') response.end('id: e1\ndata:\n\n')
      else response.end(`id: e2\ndata: {"id":1,"result":"after ${String(headers['last-event-id'])}"}\n\n`)
    }
    const agent = new Agent(chain, 'raw')
    agent.say('{"id":1,"method":"x"}')
    await expect.poll(() => agent.lines, { timeout: 4_000 }).toEqual(['{"id":1,"result":"after e1"}'])
    upstream.answer = (_, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
    agent.say('{"id":2,"method":"x"}')
    await expect.poll(() => agent.lines[1]).toContain('outcome-unknown')
    await agent.close()
  })
})

describe('inspectServer', () => {
  it('rejects with our error when the session is over', async () => {
    const chain = await chainTo('stdio')
    await chain.client.close()
    await expect(inspectServer(chain.exchanges, 'big')).rejects.toMatchObject({ code: 'session-closed' })
  })
})
