import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AgentFolder } from '../../../src/mcp/bridge/agentFolder.ts'
import { ChainFolder } from '../../fakes/chainFolder.ts'
import { ChainProcess, endAll, until } from '../../fakes/chainProcess.ts'
import { EditorWindow } from '../../fakes/editorWindow.ts'
import { bigStdio, everythingStdio, textOf } from '../../fakes/mcpChain.ts'
import { type Bundles, buildChain } from './build.ts'

let bundles: Bundles
let chain: ChainFolder
let home: string
let folder: AgentFolder
const windows: EditorWindow[] = []
const agents: Client[] = []

beforeAll(async () => {
  bundles = await buildChain()
  chain = new ChainFolder(bundles)
})

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cs-home-'))
  folder = new AgentFolder(join(home, '.countersign'))
})

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()))
  await Promise.all(windows.splice(0).map((window) => window.close()))
  rmSync(home, { recursive: true, force: true })
})

afterAll(async () => {
  await endAll()
  chain.remove()
})

const UPSTREAMS = { everything: everythingStdio, big: bigStdio }

async function openWindow(gateways: Record<string, readonly string[]> = { desk: ['everything', 'big'] }) {
  const window = new EditorWindow(folder, gateways, UPSTREAMS)
  windows.push(window)
  await window.bridge.begin()
  return window
}

/** An SDK client whose stdio server is the shim. It is given as little of our environment as agents give. */
async function startAgent(...args: readonly string[]): Promise<{ client: Client; said: () => string }> {
  const client = new Client({ name: 'agent', version: '1' })
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [bundles.cli, 'connect', '--agent', 'claude-code', ...args],
    env: { HOME: home },
    stderr: 'pipe',
    maxBufferSize: 64 * 1024 * 1024,
  })
  let said = ''
  transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  agents.push(client)
  await client.connect(transport)
  return { client, said: () => said }
}

async function echo(client: Client, message: string): Promise<string> {
  return textOf(await client.callTool({ name: 'echo', arguments: { message } }))
}

function sockets(): string[] {
  return readdirSync(folder.path).filter((name) => name.endsWith('.sock'))
}

/** A socket file that nobody listens at, as a crashed window leaves it. */
async function staleSocket(name: string): Promise<string> {
  const path = join(folder.path, name)
  const holder = new ChainProcess(['-e', `require('net').createServer().listen(${JSON.stringify(path)})`])
  await until(() => existsSync(path))
  holder.kill()
  await holder.exited
  return path
}

describe('a shim and an editor that runs', () => {
  it('uses the session of the window: calls, progress of the server, large results', async () => {
    await folder.allow('claude-code')
    const window = await openWindow()
    const { client } = await startAgent('--server', 'everything')
    const logged: string[] = []
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.level))
    expect(await echo(client, 'grüß dich, \u{1f512}')).toContain('grüß dich, \u{1f512}')
    await client.setLoggingLevel('debug')
    await client.callTool({ name: 'toggle-simulated-logging', arguments: {} })
    await until(() => logged.length > 0)
    const { client: other } = await startAgent('--server', 'big')
    const big = await other.callTool({ name: 'big', arguments: { size: 10_000_000 } })
    expect(textOf(big)).toHaveLength(10_000_000)
    // One session for all of them.
    expect(window.opened).toEqual(['desk'])
  })

  it('makes folder, token and socket for nobody else', async () => {
    await folder.allow('claude-code')
    await openWindow()
    expect(statSync(folder.path).mode & 0o777).toBe(0o700)
    const names = readdirSync(folder.path)
    expect(names).toHaveLength(2)
    for (const name of names) expect(statSync(join(folder.path, name)).mode & 0o777, name).toBe(0o600)
  })

  it('listens for nobody while no agent was added', async () => {
    await openWindow()
    expect(existsSync(folder.path)).toBe(false)
  })

  it('takes the newest window that has the server, and another one when that is closed', async () => {
    await folder.allow('claude-code')
    const first = await openWindow({ desk: ['everything'] })
    const second = await openWindow({ lab: ['everything'] })
    const third = await openWindow({ lab: ['big'] })
    expect(sockets()).toHaveLength(3)
    const { client } = await startAgent('--server', 'everything')
    expect(await echo(client, 'one')).toContain('one')
    expect([first, second, third].map(({ opened }) => opened)).toEqual([[], ['lab'], []])
    await second.close()
    windows.splice(windows.indexOf(second), 1)
    expect(sockets()).toHaveLength(2)
    // The MCP session was in the window that is gone: its server says so, and a new one works.
    await expect(echo(client, 'two')).rejects.toThrow(/no such MCP session|404/i)
    const { client: next } = await startAgent('--server', 'everything')
    expect(await echo(next, 'three')).toContain('three')
    expect(first.opened).toEqual(['desk'])
  })

  it('asks for a gateway where two have a server of one name', async () => {
    await folder.allow('claude-code')
    const window = await openWindow({ desk: ['everything'], lab: ['everything'] })
    await expect(startAgent('--server', 'everything')).rejects.toThrow(/several of its gateways/)
    const { client } = await startAgent('--server', 'everything', '--gateway', 'lab')
    expect(await echo(client, 'hello')).toContain('hello')
    expect(window.opened).toEqual(['lab'])
  })

  it('removes the socket of a window that crashed, and leaves one that has only begun', async () => {
    await folder.allow('claude-code')
    await openWindow()
    const old = await staleSocket('window-zzzzzzzz0-AAAAAAAA.sock')
    const young = await staleSocket('window-zzzzzzzz1-AAAAAAAA.sock')
    const before = Date.now() / 1000 - 60
    utimesSync(old, before, before)
    const { client } = await startAgent('--server', 'everything')
    expect(await echo(client, 'hello')).toContain('hello')
    expect(existsSync(old)).toBe(false)
    expect(existsSync(young)).toBe(true)
  })

  it('passes by a window that says nothing', async () => {
    await folder.allow('claude-code')
    await openWindow()
    const mute = createServer(() => {}).listen(join(folder.path, 'window-zzzzzzzz0-AAAAAAAA.sock'))
    const { client } = await startAgent('--server', 'everything')
    expect(await echo(client, 'hello')).toContain('hello')
    mute.close()
  })

  it('waits for a window that is only starting', async () => {
    await folder.allow('claude-code')
    const starting = startAgent('--server', 'everything')
    setTimeout(() => void openWindow(), 1_500)
    expect(await echo((await starting).client, 'hello')).toContain('hello')
  })
})

describe('an agent that is not allowed', () => {
  it('is refused without a token, by name of what to do', async () => {
    await folder.allow('codex')
    const window = await openWindow()
    await expect(startAgent('--server', 'everything')).rejects.toThrow(/Add to Agent…/)
    expect(window.opened).toEqual([])
  })

  it('is refused from the moment that it was revoked, in every window, and others are not', async () => {
    await folder.allow('claude-code')
    await folder.allow('cursor')
    await openWindow()
    await openWindow()
    const { client } = await startAgent('--server', 'everything')
    const { client: other } = await startAgent('--server', 'everything', '--agent', 'cursor')
    expect(await echo(client, 'one')).toContain('one')
    await folder.revoke('claude-code')
    await expect(echo(client, 'two')).rejects.toThrow(/revoked/)
    await expect(echo(client, 'three')).rejects.toThrow(/revoked/)
    expect(await echo(other, 'four')).toContain('four')
  })

  it('is not told the end of a call that was under way when it was revoked', async () => {
    await folder.allow('claude-code')
    await openWindow()
    const { client } = await startAgent('--server', 'everything')
    const call = client.callTool({ name: 'trigger-long-running-operation', arguments: { duration: 2, steps: 4 } })
    setTimeout(() => void folder.revoke('claude-code'), 700)
    await expect(call).rejects.toThrow(/revoked/)
  })

  it('gets nowhere with a token that others could read, or from a folder that is open to them', async () => {
    await folder.allow('claude-code')
    await openWindow()
    const token = join(folder.path, 'agent-claude-code.token')
    chmodSync(token, 0o640)
    await expect(startAgent('--server', 'everything')).rejects.toThrow(/revoked/)
    chmodSync(token, 0o600)
    chmodSync(folder.path, 0o750)
    await expect(startAgent('--server', 'everything')).rejects.toThrow(/revoked/)
    chmodSync(folder.path, 0o700)
    expect(await echo((await startAgent('--server', 'everything')).client, 'hello')).toContain('hello')
  })
})

describe('a shim with a configuration as well', () => {
  it('uses the editor where one runs, else its own key', async () => {
    const [gatewayKey, clientKey] = await Promise.all([chain.vaultIdentity('gateway'), chain.vaultIdentity('client')])
    const gateway = await chain.gateway('gateway', {
      identity: gatewayKey.config,
      clients: [{ kid: clientKey.kid, name: 'alone' }],
      servers: { everything: everythingStdio },
    })
    const config = chain.clientConfig('client', {
      identity: clientKey.config,
      gateway: gateway.url,
      pin: gatewayKey.kid,
    })
    const args = ['--server', 'everything', '--config', config, '--editor']
    mkdirSync(folder.path, { mode: 0o700 })
    const alone = await startAgent(...args)
    expect(await echo(alone.client, 'alone')).toContain('alone')
    expect(chain.journal('clients').length).toBeGreaterThan(0)
    await folder.allow('claude-code')
    const window = await openWindow()
    const lines = chain.journal('clients').length
    const { client, said } = await startAgent(...args)
    expect(await echo(client, 'with the editor')).toContain('with the editor')
    expect(said()).toContain('an editor is used')
    expect(window.opened).toEqual(['desk'])
    // Its own key signed nothing.
    expect(chain.journal('clients')).toHaveLength(lines)
  })
})
