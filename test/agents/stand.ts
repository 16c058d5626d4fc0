import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Bridged, ChainFolder, type Config, type Identity } from '../fakes/chainFolder.ts'
import { ChainProcess, endAll, freePort } from '../fakes/chainProcess.ts'
import type { Agents } from '../setup/agents.d.mts'
import type { Call, Places } from './effects.ts'
import { Window } from './window.ts'

/** Servers that need nothing to be installed: one on stdio, the same one on HTTP. */
export const ALWAYS = ['everything', 'remote'] as const
const PACKAGES = { files: 'filesystem', memory: 'memory', thinking: 'sequential-thinking' } as const

/** Gateway, servers, endpoints and a window: all that the agents of a run reach, and its end. */
export class Stand {
  readonly installed: Agents
  readonly home: string
  /** A workspace folder, and where agents are started. */
  readonly project: string
  readonly window: Window
  readonly places: Places
  /** Of npm, where they could be installed. */
  readonly more: readonly string[]
  /** `tools/call` that agents were asked for, by server. */
  readonly calls = new Map<string, number>()
  readonly folder: ChainFolder
  readonly kids: readonly string[]
  private readonly client: Config
  private readonly endpoints = new Map<string, Bridged>()

  private constructor(made: Made) {
    this.installed = made.installed
    this.home = made.home
    this.project = made.project
    this.window = made.window
    this.places = made.places
    this.more = made.more
    this.folder = made.folder
    this.kids = made.kids
    this.client = made.client
  }

  static async open(installed: Agents, root: string, home: string): Promise<Stand> {
    const at = (name: string): string => path.join(root, 'dist', `${name}.js`)
    const bundles = { cli: at('cli'), keyProcess: at('keyProcess'), sampleServer: at('sampleServer') }
    const folder = new ChainFolder(bundles)
    const project = path.join(home, 'project')
    const places = { files: folder.at('files'), memory: folder.at('memory.jsonl') }
    for (const each of [project, places.files]) await mkdir(each)
    const [host, client, editor] = [
      await folder.vaultIdentity('gateway'),
      await folder.vaultIdentity('client'),
      await folder.vaultIdentity('editor'),
    ]
    const servers = await serversOf(installed, root, places)
    const clients = [client, editor].map(({ kid }: Identity, index) => ({ kid, name: `client ${index}` }))
    const gateway = await folder.gateway('gateway', { identity: host.config, clients, servers })
    const reach = { gateway: gateway.url, pin: gateway.kid }
    const configFile = folder.clientConfig('editor', { identity: editor.config, ...reach })
    const names = Object.keys(servers)
    const window = await Window.open({ home, project, servers: names, bundles, configFile })
    const more = names.filter((name) => name in PACKAGES)
    const kids = [host.kid, client.kid, editor.kid]
    const reached = { identity: client.config, ...reach }
    return new Stand({ installed, home, project, window, places, more, folder, kids, client: reached })
  }

  /** The loopback endpoint of `connect --http` for a server. */
  async endpoint(server: string): Promise<Bridged> {
    const there = this.endpoints.get(server)
    if (there !== undefined) return there
    const bridged = await this.folder.bridge(`http-${server}`, server, this.client)
    this.endpoints.set(server, bridged)
    return bridged
  }

  /** The command line of the stdio shim on its own, with a journal for each agent. */
  shim(agent: string, server: string): string[] {
    const config = this.folder.clientConfig(`shim-${agent}`, this.client)
    return [process.execPath, this.folder.bundles.cli, 'connect', '--config', config, '--server', server]
  }

  /** A way to call tools that is counted, to be held against the journals. */
  counted(call: Call): Call {
    return (server, tool, args) => {
      this.calls.set(server, (this.calls.get(server) ?? 0) + 1)
      return call(server, tool, args)
    }
  }

  /** Ends what was started, in order: sessions say their goodbye. The journals stay. */
  async end(): Promise<void> {
    await this.window.close()
    for (const { process } of this.endpoints.values()) await process.stop()
    for (const process of this.folder.processes) if (!process.ended) await process.stop()
    await endAll()
  }

  said(): string {
    return this.folder.said() + this.window.said()
  }
}

type Public = 'installed' | 'home' | 'project' | 'window' | 'places' | 'more' | 'folder' | 'kids'
/** `client`: the configuration of `connect`. */
type Made = Pick<Stand, Public> & { readonly client: Config }

async function serversOf({ servers }: Agents, root: string, places: Places): Promise<Record<string, Config>> {
  const everything = path.join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js')
  const port = await freePort()
  const http = new ChainProcess([everything, 'streamableHttp'], { env: { ...process.env, PORT: String(port) } })
  await http.says(/listening/, 0, 60_000)
  const always = {
    everything: { command: process.execPath, args: [everything] },
    remote: { url: `http://127.0.0.1:${port}/mcp` },
  }
  const { path: modules } = servers
  if (modules === undefined) return always
  const program = (name: keyof typeof PACKAGES): string =>
    path.join(modules, '@modelcontextprotocol', `server-${PACKAGES[name]}`, 'dist/index.js')
  const command = process.execPath
  return {
    ...always,
    files: { command, args: [program('files'), places.files] },
    memory: { command, args: [program('memory')], env: { MEMORY_FILE_PATH: places.memory } },
    thinking: { command, args: [program('thinking')] },
  }
}
