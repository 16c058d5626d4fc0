import {
  EventEmitter,
  lm,
  McpHttpServerDefinition,
  type McpServerDefinition,
  type McpServerDefinitionProvider,
  Uri,
} from 'vscode'
import type { GatewaySetting, IdentitySetting } from '../../contracts/settings.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Gateways } from '../sessions/gatewayLink.ts'
import type { Bridges } from './bridges.ts'
import { type ListedServer, listServers } from './serverList.ts'

export interface ServerProviderPorts {
  readonly gateways: Gateways
  readonly bridges: Bridges
  /** The key that the settings name: a server sees another client when it changes, so its tools are asked for anew. */
  readonly identitySetting: () => IdentitySetting
  /** Whether the editor, or another agent, finds the servers of a gateway in a file of its own: here they would be there twice. */
  readonly elsewhere: (gateway: GatewaySetting) => boolean
  readonly failed: (thrown: unknown, what: string) => void
}

/** Each configured server in the editor's own list of MCP servers, and so in agent mode. */
export class ServerProvider implements McpServerDefinitionProvider, Disposable {
  private readonly ports: ServerProviderPorts
  private readonly owned = new DisposableStore()
  private readonly changed = this.owned.add(new EventEmitter<void>())
  readonly onDidChangeMcpServerDefinitions = this.changed.event

  constructor(ports: ServerProviderPorts) {
    this.ports = ports
    this.owned.add(lm.registerMcpServerDefinitionProvider('countersign.servers', this))
  }

  refresh(): void {
    this.changed.fire()
  }

  /** Called eagerly by the editor: it lists and does nothing else. Where a server listens is told when one is started. */
  provideMcpServerDefinitions(): McpServerDefinition[] {
    return this.servers().map(({ label, version }) => new McpHttpServerDefinition(label, NOWHERE, {}, version))
  }

  /**
   * The editor starts what an extension provides without asking anybody, so this is where the person is asked: a gateway
   * that was never seen must be accepted first. Throwing keeps the server stopped and shows why.
   */
  async resolveMcpServerDefinition(
    definition: McpServerDefinition,
    token: { readonly isCancellationRequested: boolean; onCancellationRequested(listener: () => void): Disposable },
  ): Promise<McpServerDefinition> {
    const server = this.servers().find(({ label }) => label === definition.label)
    if (server === undefined) {
      throw new CountersignError('server-unknown', said`${definition.label} is no longer in countersign.gateways.`)
    }
    const abort = new AbortController()
    const subscription = token.onCancellationRequested(() => abort.abort())
    try {
      await this.ports.gateways.get(server.gateway)?.get({ patient: false, signal: abort.signal })
      const { socket, path, headers } = await this.ports.bridges.endpoint(server.gateway, server.name)
      const scheme = process.platform === 'win32' ? 'pipe' : 'unix'
      const uri = Uri.from({ scheme, path: socket, fragment: path })
      return new McpHttpServerDefinition(server.label, uri, { ...headers }, server.version)
    } catch (thrown) {
      this.ports.failed(thrown, `starting ${server.label}`)
      throw thrown
    } finally {
      subscription.dispose()
    }
  }

  dispose(): void {
    this.owned.dispose()
  }

  private servers(): readonly ListedServer[] {
    const all = this.ports.gateways.all().map(({ setting }) => setting)
    const settings = all.filter((setting) => !this.ports.elsewhere(setting))
    return listServers(settings, JSON.stringify(this.ports.identitySetting()))
  }
}

/** A definition needs an address; nothing listens at this one. */
const NOWHERE = Uri.from({ scheme: 'unix', path: '/countersign-not-started' })
