import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest'
import type { AgentEntry } from '../../../src/contracts/agentEntry.ts'
import { planServer } from '../../../src/extension/secured/plan.ts'
import { inspectServer } from '../../../src/mcp/client/sdkClient.ts'
import { EVERYTHING } from '../../fakes/chainFolder.ts'
import { ChainProcess, commandOf, endAll, freePort, isAlive, kill, until } from '../../fakes/chainProcess.ts'
import { textOf } from '../../fakes/mcpChain.ts'
import { Keychain, SecuredWindow } from '../../fakes/securedWindow.ts'
import { type Bundles, buildChain } from './build.ts'

const TOKEN = 'planted-token-7a31'
const TENANT = 'planted-tenant-c04f'
const ENVIRONMENT = { SERVICE_TENANT: TENANT, UNRELATED: 'planted-unrelated' }

let bundles: Bundles
let home: string
let keychain: Keychain
const windows: SecuredWindow[] = []
const agents: Client[] = []

beforeAll(async () => {
  bundles = await buildChain()
})

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cs-secured-'))
  keychain = new Keychain()
})

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()))
  await Promise.all(windows.splice(0).map((window) => window.close()))
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
})

afterAll(endAll)

const everything = (env: Record<string, string>): AgentEntry => ({
  command: process.execPath,
  args: [EVERYTHING, 'stdio'],
  env,
  inherits: [],
  kept: {},
})
const SECRETS = everything({ TOKEN: 'Bearer ${input:token}', TENANT: '${env:SERVICE_TENANT}', PLAIN: 'plain-value' })

function openWindow(environment: NodeJS.ProcessEnv = ENVIRONMENT): SecuredWindow {
  const window = new SecuredWindow(bundles, home, keychain, environment)
  windows.push(window)
  onTestFailed(() => void process.stderr.write(`What the window logged:\n${window.logged.join('\n')}\n`))
  return window
}

function plan(entry: AgentEntry) {
  return planServer(entry, {
    syntax: 'vscode',
    home,
    workspace: { name: 'work', path: home },
    environment: ENVIRONMENT,
  })
}

const PLACE = { agent: 'vscode', path: '/work/mcp.json', name: 'tools' } as const
const ANSWERS = new Map([['token', TOKEN]])

/** As the entry in the agent's file starts it. */
async function startAgent(window: SecuredWindow, gateway: string): Promise<Client> {
  const client = new Client({ name: 'agent', version: '1' })
  const args = ['connect', '--agent', 'vscode', '--gateway', gateway, '--server', 'tools']
  const entry = { command: window.launcher.path, args, env: { HOME: home }, stderr: 'pipe' as const }
  await client.connect(new StdioClientTransport(entry))
  agents.push(client)
  return client
}

/** Processes of this test's gateways, key processes and servers. */
function running(part: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isAlive(pid) && commandOf(pid).includes(part))
}

function childrenOf(pids: readonly number[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')
        return pids.includes(Number(stat[1]))
      } catch {
        return false
      }
    })
}

function filesWith(text: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text))
}

describe('a secured command', () => {
  it('is called by the agent’s own entry through the window, with what its entry names and nothing else', async () => {
    const window = openWindow()
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await window.folder.allow('vscode')
    await window.bridge.listen()
    const agent = await startAgent(window, 'local-tools')
    const said = textOf(await agent.callTool({ name: 'get-env', arguments: {} }))
    const environment: Record<string, string> = JSON.parse(said)
    expect(environment).toMatchObject({ TOKEN: `Bearer ${TOKEN}`, TENANT, PLAIN: 'plain-value' })
    expect(environment['UNRELATED']).toBeUndefined()
    expect(Object.keys(environment).filter((name) => name.startsWith('COUNTERSIGN_'))).toEqual([])
    const [link] = window.connections.all().map(({ ready }) => ready)
    expect(link?.session.peer.custody).toBe('software')
    expect(link?.recorder.told).toEqual([{ server: 'tools', reach: 'pipe', proxied: false }])
  })

  it('keeps what was entered, and what the environment holds, out of every file', async () => {
    const window = openWindow()
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    const { exchanges } = await gatewayOf(window).get({ patient: true })
    expect((await inspectServer(exchanges, 'tools')).tools.map(({ name }) => name)).toContain('echo')
    expect(filesWith(TOKEN)).toEqual([])
    expect(filesWith(TENANT)).toEqual([])
    const folder = path.join(home, 'storage/secured/local-tools')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const name of ['gateway.json', 'server.json', 'vault.json', 'vault.key'])
      expect(statSync(path.join(folder, name)).mode & 0o777, name).toBe(0o600)
    // What it said of the server goes into no log either.
    expect(window.logged.join('\n')).not.toMatch(new RegExp(`${TOKEN}|${TENANT}`))
  })

  it('ends with the window, the server and the key process of it too', async () => {
    const window = openWindow()
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await window.folder.allow('vscode')
    await window.bridge.listen()
    await startAgent(window, 'local-tools')
    const gateways = running(`${home}/storage/secured/local-tools`)
    expect(gateways).toHaveLength(1)
    const all = [...gateways, ...childrenOf(gateways)]
    expect(all.map(commandOf).join('\n')).toContain('server-everything')
    expect(all.length).toBeGreaterThanOrEqual(3)
    await window.close()
    await until(
      () => !all.some(isAlive),
      5_000,
      () => all.filter(isAlive).map(commandOf).join('\n'),
    )
  })

  it('costs nothing until somebody calls it', async () => {
    await openWindow().secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    expect(running(`${home}/storage/secured/local-tools`)).toEqual([])
  })

  it('is there for two windows at once, each with a process of its own, and for the one that stays', async () => {
    const first = openWindow()
    const setting = await first.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    const second = openWindow()
    second.connections.configure([setting])
    const [one, two] = await Promise.all(
      [first, second].map(async (window) => (await gatewayOf(window).get({ patient: true })).exchanges),
    )
    if (one === undefined || two === undefined) throw new Error('no session')
    await Promise.all([inspectServer(one, 'tools'), inspectServer(two, 'tools')])
    expect(running(`${home}/storage/secured/local-tools`)).toHaveLength(2)
    await first.close()
    windows.splice(windows.indexOf(first), 1)
    expect((await inspectServer(two, 'tools')).tools.length).toBeGreaterThan(0)
    await until(() => running(`${home}/storage/secured/local-tools`).length === 1)
  })

  it('is started anew when its gateway was killed, and what that had started is gone', async () => {
    const window = openWindow()
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await window.folder.allow('vscode')
    await window.bridge.listen()
    await startAgent(window, 'local-tools')
    const gateways = running(`${home}/storage/secured/local-tools`)
    const children = childrenOf(gateways)
    for (const pid of gateways) kill(pid)
    await until(() => !children.some(isAlive), 5_000)
    // Once the window has noticed: a call that it sent before that is told that the connection was lost, and rightly.
    await until(() => gatewayOf(window).ready === undefined, 5_000)
    const { exchanges } = await gatewayOf(window).get({ patient: true })
    expect((await inspectServer(exchanges, 'tools')).tools.length).toBeGreaterThan(0)
  })

  it('does not start without a value, and says which one', async () => {
    const window = openWindow({})
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await expect(gatewayOf(window).get({ patient: true })).rejects.toThrow(/SERVICE_TENANT.*not in this editor/)
    keychain.entered.clear()
    const other = openWindow()
    other.connections.configure(window.connections.all().map(({ setting }) => setting))
    await expect(gatewayOf(other).get({ patient: true })).rejects.toThrow(/token.*secret store/)
    expect(running(`${home}/storage/secured/local-tools`)).toEqual([])
  })

  it('gives its secrets to no other command that has its name', async () => {
    const window = openWindow()
    const setting = await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    const route = { kind: 'command', command: '/bin/sh', args: ['-c', 'env'] } as const
    expect(Object.keys(await window.secured.environment(setting))).toHaveLength(2)
    expect(await window.secured.environment({ ...setting, route })).toEqual({})
    expect(window.secured.has({ ...setting, route })).toBe(false)
  })
})

describe('a secured address', () => {
  it('is reached with the header that its entry names', async () => {
    const port = await freePort()
    const server = new ChainProcess([EVERYTHING, 'streamableHttp'], { env: { ...process.env, PORT: String(port) } })
    await server.says(/listening/i, 0, 60_000)
    const window = openWindow()
    const entry = {
      url: `http://127.0.0.1:${port}/mcp`,
      headers: { 'x-key': '${input:token}' },
      inherits: [],
      kept: {},
    }
    await window.secure('local-tools', plan(entry), PLACE, ANSWERS)
    const { exchanges } = await gatewayOf(window).get({ patient: true })
    expect((await inspectServer(exchanges, 'tools')).tools.map(({ name }) => name)).toContain('echo')
    expect(filesWith(TOKEN)).toEqual([])
    await server.stop()
  })
})

describe('the folder of secured servers', () => {
  it('has nothing left of one that was removed, but the journal', async () => {
    const window = openWindow()
    await window.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await gatewayOf(window).get({ patient: true })
    expect((await window.secured.list()).map(({ gateway }) => gateway)).toEqual(['local-tools'])
    await gatewayOf(window).close({ held: true })
    await window.secured.remove('local-tools')
    expect(readdirSync(path.join(home, 'storage/secured'))).toEqual(['journal'])
    expect(keychain.entered.size).toBe(0)
  })

  it('lets one of two windows have a name, and harms nothing of the other', async () => {
    const [first, second] = [openWindow(), openWindow()]
    await first.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)
    await expect(second.secure('local-tools', plan(SECRETS), PLACE, ANSWERS)).rejects.toThrow(/Try again/)
    expect(await second.secured.freeName('tools', new Set())).toBe('local-tools-2')
    expect(await second.secured.list()).toHaveLength(1)
    expect(keychain.entered.get('local-tools')).toEqual(ANSWERS)
  })

  it('is clean again when making the gateway was cancelled or failed', async () => {
    const window = openWindow()
    const secured = { gateway: 'local-tools', server: 'tools', place: PLACE, original: '{}' }
    const cancelled = AbortSignal.abort()
    await expect(window.secured.make(secured, plan(SECRETS), ANSWERS, cancelled)).rejects.toMatchObject({
      code: 'cancelled',
    })
    expect(readdirSync(path.join(home, 'storage/secured'))).toEqual([])
    expect(keychain.entered.size).toBe(0)
  })
})

function gatewayOf(window: SecuredWindow) {
  const [gateway] = window.connections.all()
  if (gateway === undefined) throw new Error('no gateway is configured')
  return gateway
}
