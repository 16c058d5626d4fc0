import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ProgressNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bridged, BIG_SERVER, ChainFolder, EVERYTHING, type Identity } from '../../fakes/chainFolder.ts'
import { type ChainProcess, endAll, freePort, until } from '../../fakes/chainProcess.ts'
import { startEverythingHttp, startHttp, textOf } from '../../fakes/mcpChain.ts'
import { buildChain } from './build.ts'

let folder: ChainFolder
let gateway: { process: ChainProcess; url: string; kid: string }
let gatewayKey: Identity
let clientKey: Identity
let clientConfig: Record<string, unknown>
const bridges: Bridged[] = []
const agents: Client[] = []
const stops: (() => Promise<void>)[] = []

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  const [everything, big] = await Promise.all([startEverythingHttp(await freePort()), startHttp([BIG_SERVER, 'http'])])
  stops.push(everything.stop, big.stop)
  ;[gatewayKey, clientKey] = await Promise.all([folder.vaultIdentity('gateway'), folder.vaultIdentity('client')])
  gateway = await folder.gateway('gateway', {
    identity: gatewayKey.config,
    clients: [{ kid: clientKey.kid, name: 'an agent' }],
    servers: {
      'everything-stdio': { command: process.execPath, args: [EVERYTHING, 'stdio'] },
      'everything-http': { url: everything.url },
      'big-stdio': { command: process.execPath, args: [BIG_SERVER] },
      'big-http': { url: big.url },
    },
  })
  clientConfig = { identity: clientKey.config, gateway: gateway.url, pin: gatewayKey.kid }
})

afterAll(async () => {
  await endAll()
  await Promise.all(stops.map((stop) => stop()))
  folder.remove()
})

type Kind = 'stdio' | 'http'

/** An SDK client behind `connect`: as its child, or over loopback HTTP. */
async function agentOf(kind: Kind, server: string, client = newClient()): Promise<Client> {
  const name = `${kind}-${server}`
  if (kind === 'stdio') await folder.stdioAgent(client, name, server, clientConfig)
  else {
    const bridge = await folder.bridge(name, server, clientConfig)
    bridges.push(bridge)
    await bridge.agent(client)
  }
  agents.push(client)
  return client
}

function newClient(): Client {
  const capabilities = { sampling: {}, elicitation: {}, roots: {} }
  const client = new Client({ name: 'agent', version: '1' }, { capabilities })
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
    model: 'none',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: `sampled up to ${params.maxTokens}` },
  }))
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { name: 'Ada' } }))
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///planted-root', name: 'root' }] }))
  return client
}

describe.each(['stdio', 'http'] as const)('an agent over %s', (kind) => {
  describe.each(['everything-stdio', 'everything-http'])('and %s', (server) => {
    let agent: Client
    const logged: string[] = []

    beforeAll(async () => {
      agent = newClient()
      agent.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.level))
      await agentOf(kind, server, agent)
    })

    it('lists and calls tools', async () => {
      const { tools } = await agent.listTools()
      expect(tools.length).toBeGreaterThan(8)
      const message = 'grüß dich, \u{1f512}'
      expect(textOf(await agent.callTool({ name: 'echo', arguments: { message } }))).toContain(message)
      const wrong = await agent.callTool({ name: 'get-sum', arguments: { a: 'no number' } })
      expect(wrong.isError).toBe(true)
    })

    it('reads resources and prompts', async () => {
      const { resources } = await agent.listResources()
      const { contents } = await agent.readResource({ uri: resources[0]?.uri ?? '' })
      expect(contents).toHaveLength(1)
      const { prompts } = await agent.listPrompts()
      expect(prompts.map((prompt) => prompt.name)).toContain('simple-prompt')
      expect((await agent.getPrompt({ name: 'simple-prompt' })).messages.length).toBeGreaterThan(0)
      await expect(agent.readResource({ uri: 'none://there' })).rejects.toThrow()
    })

    it('passes progress to the call that asked for it', async () => {
      const seen: number[] = []
      const call = { name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } }
      // In place of the SDK's own handler, which forgets the call with its result although a notification that came in the
      // same read is still to be handled: on a busy machine that loses the last ones.
      agent.setNotificationHandler(ProgressNotificationSchema, ({ params }) => void seen.push(params.progress))
      await agent.callTool(call, undefined, { onprogress: () => {} })
      await expect.poll(() => seen).toEqual([1, 2, 3, 4])
    })

    it('passes what the server asks the agent: sampling, elicitation, roots', async () => {
      const { tools } = await agent.listTools()
      const names = tools.map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(['trigger-sampling-request', 'trigger-elicitation-request']))
      const sampled = await agent.callTool({
        name: 'trigger-sampling-request',
        arguments: { prompt: 'hi', maxTokens: 5 },
      })
      expect(textOf(sampled)).toContain('sampled up to 5')
      const asked = await agent.callTool({ name: 'trigger-elicitation-request', arguments: {} })
      expect(JSON.stringify(asked)).toContain('Ada')
      expect(names).toContain('get-roots-list')
      expect(JSON.stringify(await agent.callTool({ name: 'get-roots-list', arguments: {} }))).toContain('planted-root')
    })

    it('brings what the server says outside of calls on the GET stream', async () => {
      await agent.setLoggingLevel('debug')
      logged.length = 0
      await agent.callTool({ name: 'toggle-simulated-logging', arguments: {} })
      await until(() => logged.length > 0)
      await agent.callTool({ name: 'toggle-simulated-logging', arguments: {} })
    })
  })

  // Each kind of agent with the other kind of server; the rest is in test/integration/mcp.
  describe.each(kind === 'stdio' ? ['big-http'] : ['big-stdio'])('and %s', (server) => {
    let agent: Client

    beforeAll(async () => {
      agent = await agentOf(kind, server)
    })

    it('brings a result of 10 MB', async () => {
      const size = 10 * 1000 * 1000
      const text = textOf(await agent.callTool({ name: 'big', arguments: { size } }))
      expect(text.length).toBe(size)
      expect(/^x+$/.test(text)).toBe(true)
    })

    it('carries 200 calls at once', async () => {
      const call = { name: 'count', arguments: {} }
      const before = Number(textOf(await agent.callTool(call)))
      const results = await Promise.all(Array.from({ length: 200 }, () => agent.callTool(call)))
      const numbers = results.map((result) => Number(textOf(result)) - before)
      expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    })

    it('cancels a call', async () => {
      const read = async (): Promise<string> =>
        textOf(await agent.callTool({ name: 'count', arguments: { read: true } })).split(' ')[1] ?? ''
      const before = Number(await read())
      const abort = new AbortController()
      const slow = agent.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, { signal: abort.signal })
      setTimeout(() => abort.abort('enough'), 300)
      await expect(slow).rejects.toThrow(/enough/)
      let now = before
      for (let tries = 0; now === before && tries < 50; tries += 1) now = Number(await read())
      expect(now).toBe(before + 1)
    })

    it('brings a flood of log notifications in front of its result', async () => {
      let seen = 0
      agent.setNotificationHandler(LoggingMessageNotificationSchema, () => void (seen += 1))
      await agent.callTool({ name: 'flood', arguments: { events: 300, size: 5_000 } })
      expect(seen).toBe(300)
    })

    it('refuses a result that is larger than a context may be, and says so', async () => {
      const size = 17 * 1024 * 1024
      await expect(agent.callTool({ name: 'big', arguments: { size } })).rejects.toThrow(/Countersign: .*16 MiB/)
      // Of a stdio server that wrote such a line nobody knows where its next one begins: it was ended.
      const next = agent.callTool({ name: 'big', arguments: { size: 3 } })
      if (server === 'big-http') expect(textOf(await next)).toBe('xxx')
      else await expect(next).rejects.toThrow(/16 MiB/)
    })
  })
})

it('tells an agent that asks for a server that is not there', async () => {
  const bridge = await folder.bridge('nowhere', 'nowhere', clientConfig)
  bridges.push(bridge)
  const { error } = await bridge.initialize()
  expect(error?.data?.code).toBe('server-unknown')
  expect(error?.message).toContain('nowhere')
})

describe('the end', () => {
  it('comes with exit code 0 and leaves no process behind: connect', async () => {
    await Promise.all(agents.map((agent) => agent.close()))
    const ends = await Promise.all(bridges.map((bridge) => bridge.process.stop()))
    expect(ends).toEqual(bridges.map(() => ({ code: 0, signal: null, left: [] })))
    expect(bridges.length).toBeGreaterThan(3)
  })

  it('comes with exit code 0 and leaves no process behind: gateway', async () => {
    expect(gateway.process.children().length).toBeGreaterThan(0)
    expect(await gateway.process.stop()).toEqual({ code: 0, signal: null, left: [] })
    expect(gateway.process.stdout.trimEnd().split('\n')).toHaveLength(1)
  })

  it('leaves journals that agree and verify', async () => {
    const count = (of: 'gateways' | 'clients', how: string): number =>
      folder.journal(of).filter((line) => line.type === 'record' && line.how === how).length
    expect(count('gateways', 'received')).toBe(count('clients', 'sent'))
    expect(count('gateways', 'sent')).toBe(count('clients', 'received'))
    expect(count('clients', 'sent')).toBeGreaterThan(450)
    const files = [...folder.journalFiles('clients'), ...folder.journalFiles('gateways')]
    const verified = await folder.verify([clientKey.kid, gatewayKey.kid], files)
    expect(
      verified.out.split('\n').filter((line) => line.startsWith('FALSE') || line.startsWith('incomplete')),
    ).toEqual([])
    expect(verified.code).toBe(0)
  }, 120_000)
})
