import { setTimeout as sleep } from 'node:timers/promises'
import { AgentBridge } from '../../src/extension/agents/agentBridge.ts'
import { Connections } from '../../src/extension/sessions/connections.ts'
import type { Link } from '../../src/extension/sessions/gatewayConnection.ts'
import { AgentFolder } from '../../src/mcp/bridge/agentFolder.ts'
import type { ExchangeClient } from '../../src/mcp/exchange/client.ts'
import { systemClock } from '../../src/support/clock.ts'
import { Chain } from './mcpChain.ts'
import type { UpstreamConfig } from '../../src/mcp/upstream/config.ts'

type Sessions = Link & { readonly exchanges: ExchangeClient }

/** All of a window that agents outside of the editor meet: its connections and its bridge, on sessions of this process. */
export class EditorWindow {
  readonly bridge: AgentBridge
  readonly chain: Chain
  /** Gateways that a session was opened to. */
  readonly opened: string[] = []
  private readonly connections: Connections<Sessions>

  constructor(
    folder: AgentFolder,
    gateways: Record<string, readonly string[]>,
    upstreams: Record<string, UpstreamConfig>,
  ) {
    this.chain = new Chain(upstreams)
    const { client, exchanges, log } = this.chain
    this.connections = new Connections<Sessions>({
      attempt: ({ name }) => {
        this.opened.push(name)
        const onInterrupted = () => ({ dispose: () => {} })
        return Promise.resolve({ exchanges, onInterrupted, closed: client.closed, close: () => Promise.resolve() })
      },
      clock: systemClock,
      random: Math.random,
      sleep: async (ms, signal) => {
        await sleep(ms, undefined, { signal })
      },
    })
    const route = { kind: 'websocket', url: 'ws://127.0.0.1:1' } as const
    this.connections.configure(
      Object.entries(gateways).map(([name, servers]) => ({ name, route, pin: 'first-use', servers })),
    )
    this.bridge = new AgentBridge(this.connections, folder, log)
  }

  async close(): Promise<void> {
    await this.bridge.close()
    this.connections.dispose()
    await this.chain.close()
  }
}
