import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectServer } from '../../../src/mcp/client/sdkClient.ts'
import type { UpstreamConfig } from '../../../src/mcp/upstream/config.ts'
import { Chain, everythingStdio, startEverythingHttp, textOf } from '../../fakes/mcpChain.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

describe.each(['stdio', 'http'])('server-everything over %s, an SDK client over HTTP', (kind) => {
  let chain: Chain
  let stop = async (): Promise<void> => {}

  beforeAll(async () => {
    let config: UpstreamConfig = everythingStdio
    if (kind === 'http') {
      const server = await startEverythingHttp(await freePort())
      config = { url: server.url }
      stop = server.stop
    }
    chain = await new Chain({ everything: config }).listen()
  })

  afterAll(async () => {
    await chain.close()
    await stop()
  })

  it('lists and calls tools', async () => {
    const agent = await chain.agent('everything')
    const { tools } = await agent.listTools()
    expect(tools.length).toBeGreaterThan(8)
    expect(textOf(await agent.callTool({ name: 'echo', arguments: { message: 'grüß dich' } }))).toContain('grüß dich')
  })

  it('reads resources and prompts', async () => {
    const agent = await chain.agent('everything')
    const { resources } = await agent.listResources()
    const first = resources[0]
    expect(first).toBeDefined()
    const { contents } = await agent.readResource({ uri: first?.uri ?? '' })
    expect(contents.length).toBe(1)
    const { prompts } = await agent.listPrompts()
    expect(prompts.map((prompt) => prompt.name)).toContain('simple-prompt')
    expect((await agent.getPrompt({ name: 'simple-prompt' })).messages.length).toBeGreaterThan(0)
  })

  it('passes progress to the call that asked for it', async () => {
    const agent = await chain.agent('everything')
    const seen: number[] = []
    await agent.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } },
      undefined,
      { onprogress: ({ progress }) => void seen.push(progress) },
    )
    // The last one may come with the result, after the SDK has stopped listening.
    expect(seen.slice(0, 3)).toEqual([1, 2, 3])
  })

  it('passes requests of the server: sampling and elicitation', async () => {
    const client = new Client({ name: 'agent', version: '1' }, { capabilities: { sampling: {}, elicitation: {} } })
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: 'none',
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'sampled' },
    }))
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' as const }))
    const agent = await chain.agent('everything', client)
    const { tools } = await agent.listTools()
    expect(tools.map((tool) => tool.name)).toContain('trigger-sampling-request')
    const sampled = await agent.callTool({
      name: 'trigger-sampling-request',
      arguments: { prompt: 'hi', maxTokens: 5 },
    })
    expect(textOf(sampled)).toContain('sampled')
    const asked = await agent.callTool({ name: 'trigger-elicitation-request', arguments: {} })
    expect(JSON.stringify(asked)).toContain('decline')
  })

  it('brings what the server says outside of calls on the GET stream', async () => {
    const agent = await chain.agent('everything')
    const said = new Promise<string>((resolve) => {
      agent.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => resolve(params.level))
    })
    await agent.callTool({ name: 'toggle-simulated-logging', arguments: {} })
    expect(await said).toMatch(/^[a-z]+$/)
  })

  it('tells our own client about itself, with a session of its own that ends', async () => {
    const seen = await inspectServer(chain.exchanges, 'everything')
    expect(seen.serverInfo?.name).toContain('everything')
    expect(seen.protocolVersion).toBe('2025-11-25')
    expect(seen.tools.map((tool) => tool.name)).toContain('echo')
  })
})
