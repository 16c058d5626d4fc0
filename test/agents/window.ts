import path from 'node:path'
import type { CliContext, Endpoint } from '../../src/cli/endpoint.ts'
import { openEndpoint } from '../../src/cli/endpoint.ts'
import { GatewayLink } from '../../src/cli/gatewayLink.ts'
import { readConfig } from '../../src/contracts/configFile.ts'
import { connectConfig } from '../../src/contracts/gatewayConfig.ts'
import { AgentBridge } from '../../src/extension/agents/agentBridge.ts'
import {
  type AgentFile,
  addServer,
  agentFiles,
  ownEntries,
  removeServer,
} from '../../src/extension/agents/agentFiles.ts'
import { readAgentFile, writeAgentFile } from '../../src/extension/agents/files/ownFile.ts'
import { Launcher } from '../../src/extension/agents/launcher.ts'
import { AgentFolder } from '../../src/mcp/bridge/agentFolder.ts'
import { StreamLog } from '../../src/support/log.ts'
import type { Bundles } from '../integration/chain/build.ts'

const GATEWAY = 'desk'

export interface WindowOptions {
  readonly home: string
  /** The workspace folder that is open. */
  readonly project: string
  readonly servers: readonly string[]
  readonly bundles: Bundles
  /** Key, gateway, state and journal, as for `connect`. */
  readonly configFile: string
}

/**
 * What agents outside of the editor meet of an editor's window, without the editor: the extension's own bridge, launcher and
 * entries, on a real session that a real key signs.
 */
export class Window {
  private readonly options: WindowOptions
  private readonly folder: AgentFolder
  private readonly bridge: AgentBridge
  private readonly endpoint: Endpoint
  private readonly link: GatewayLink
  private readonly log: string[]

  private constructor(options: WindowOptions, endpoint: Endpoint, link: GatewayLink, log: string[]) {
    const { home, servers } = options
    this.options = options
    this.endpoint = endpoint
    this.link = link
    this.log = log
    this.folder = new AgentFolder(path.join(home, '.countersign'))
    const route = { kind: 'websocket', url: 'ws://127.0.0.1:1' } as const
    const setting = { name: GATEWAY, route, pin: 'first-use', servers }
    const gateway = { setting, get: async () => ({ exchanges: await link.open() }) }
    this.bridge = new AgentBridge({ all: () => [gateway] }, this.folder, new StreamLog((line) => log.push(line)))
  }

  static async open(options: WindowOptions): Promise<Window> {
    const { configFile, bundles } = options
    const log: string[] = []
    const say = (line: string): void => void log.push(`${line}\n`)
    const context: CliContext = {
      stdout: say,
      stderr: say,
      log: new StreamLog((line) => log.push(line)),
      keyProcessPath: bundles.keyProcess,
    }
    const config = await readConfig(configFile, connectConfig)
    const endpoint = await openEndpoint(configFile, config, context)
    const window = new Window(options, endpoint, new GatewayLink(config, endpoint, context), log)
    await new Launcher(window.folder.path, process.execPath, bundles.cli).write()
    await window.bridge.listen()
    return window
  }

  /** *Add to Agent…*, but for the questions. Returns the names of the entries. */
  async add(label: RegExp, servers: readonly string[]): Promise<string[]> {
    const file = this.file(label)
    const names: string[] = []
    await this.folder.allow(file.agent)
    for (const server of servers) {
      const before = await readAgentFile(file.path, file.workspace)
      const { text, name } = addServer(file, before.text, { gateway: GATEWAY, server })
      await writeAgentFile(file.path, before, text, file.workspace)
      names.push(name)
    }
    return names
  }

  /** *Remove from Agent…*: all entries of ours, from the file as it is by now. Returns how many there were. */
  async remove(label: RegExp): Promise<number> {
    const file = this.file(label)
    const own = ownEntries(file, (await readAgentFile(file.path, file.workspace)).text)
    for (const { name } of own) {
      const before = await readAgentFile(file.path, file.workspace)
      await writeAgentFile(file.path, before, removeServer(file, before.text, name), file.workspace)
    }
    return own.length
  }

  /** The path of an agent's file. */
  path(label: RegExp): string {
    return this.file(label).path
  }

  said(): string {
    return this.log.join('')
  }

  async close(): Promise<void> {
    await this.bridge.close()
    await this.link.close()
    await this.endpoint.close()
  }

  private file(label: RegExp): AgentFile {
    const { home, project } = this.options
    const workspaces = [{ name: 'project', path: project }]
    const { platform } = process
    const files = agentFiles({ home, configHome: undefined, platform, workspaces, editorUser: undefined })
    const found = files.find((file) => label.test(file.label))
    if (found === undefined) throw new Error(`no agent's file is called ${label.source}`)
    return found
  }
}
