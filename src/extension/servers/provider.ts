import {
  EventEmitter,
  lm,
  McpHttpServerDefinition,
  type McpServerDefinition,
  type McpServerDefinitionProvider,
  Uri,
} from 'vscode'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Gateways } from '../sessions/gatewayLink.ts'
import type { Bridges } from './bridges.ts'
import type { ListedServer } from './serverList.ts'

export interface ServerProviderPorts {
  /** Whether there can be a server to list. */
  readonly any: () => boolean
  readonly load: () => Promise<ServerParts>
  readonly failed: (thrown: unknown, what: string) => void
}

/** What lists and starts servers. */
export interface ServerParts {
  readonly gateways: Gateways
  readonly bridges: Bridges
  readonly listed: () => readonly ListedServer[]
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
  async provideMcpServerDefinitions(): Promise<McpServerDefinition[]> {
    if (!this.ports.any()) return []
    return (await this.ports.load())
      .listed()
      .map(({ label, version }) => new McpHttpServerDefinition(label, NOWHERE, {}, version))
  }

  /**
   * The editor starts what an extension provides without asking anybody, so this is where the person is asked: a gateway
   * that was never seen must be accepted first. Throwing keeps the server stopped and shows why.
   */
  async resolveMcpServerDefinition(
    definition: McpServerDefinition,
    token: { readonly isCancellationRequested: boolean; onCancellationRequested(listener: () => void): Disposable },
  ): Promise<McpServerDefinition> {
    const parts = await this.ports.load()
    const server = parts.listed().find(({ label }) => label === definition.label)
    if (server === undefined) {
      throw new CountersignError('server-unknown', said`${definition.label} is no longer in countersign.gateways.`)
    }
    const abort = new AbortController()
    const subscription = token.onCancellationRequested(() => abort.abort())
    try {
      await parts.gateways.get(server.gateway)?.get({ patient: false, signal: abort.signal })
      const { socket, path, headers } = await parts.bridges.endpoint(server.gateway, server.name)
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
}

/** A definition needs an address; nothing listens at this one. */
const NOWHERE = Uri.from({ scheme: 'unix', path: '/countersign-not-started' })
