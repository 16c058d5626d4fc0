import type { AgentFolder } from '../../mcp/bridge/agentFolder.ts'
import type { Bridge } from '../../mcp/bridge/bridge.ts'
import type { Disposable } from '../../support/disposable.ts'
import { toCountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Tunnel } from '../../mcp/exchange/client.ts'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { GetOptions } from '../sessions/gatewayConnection.ts'

/** What it needs of this window's gateways. */
export interface ServedGateways {
  all(): readonly ServedGateway[]
}

interface ServedGateway {
  readonly setting: GatewaySetting
  get(options: GetOptions): Promise<{ readonly exchanges: Tunnel }>
}

/**
 * The bridge of this window for agents of the same person outside of the editor: one socket, in the folder that their shims
 * look into. Which servers it has is asked of it, and not in its name: that may be 103 bytes long, and settings change.
 */
export class AgentBridge implements Disposable {
  private readonly gateways: ServedGateways
  private readonly folder: AgentFolder
  private readonly log: Log
  private listening: Promise<Bridge> | undefined
  private disposed = false

  constructor(gateways: ServedGateways, folder: AgentFolder, log: Log) {
    this.gateways = gateways
    this.folder = folder
    this.log = log
  }

  /** Listens if there is an agent that could come and a server that it could want. Never rejects. */
  async begin(): Promise<void> {
    try {
      // A window costs nothing for agents that nobody added.
      if (this.gateways.all().length > 0 && (await this.folder.agents()).length > 0) await this.listen()
    } catch (thrown) {
      const { code, message } = toCountersignError(thrown)
      this.log.log('warn', 'agents outside of the editor cannot reach this window', { code, reason: message })
    }
  }

  /** @throws CountersignError `file-permissions`, `config-invalid` for a home folder whose path is too long */
  async listen(): Promise<void> {
    if (this.disposed || process.platform === 'win32') return
    this.listening ??= this.start()
    try {
      await this.listening
    } catch (thrown) {
      // The next attempt tries again: the folder may have been put right.
      this.listening = undefined
      throw thrown
    }
  }

  dispose(): void {
    this.disposed = true
    void this.close()
  }

  async close(): Promise<void> {
    const bridge = await this.listening?.catch(() => undefined)
    this.listening = undefined
    await bridge?.close()
  }

  private async start(): Promise<Bridge> {
    // When first needed, and not at activation.
    const { Bridge } = await import('../../mcp/bridge/bridge.ts')
    const bridge = new Bridge({
      tokens: this.folder,
      log: this.log,
      routes: {
        has: (server, gateway) => this.find(server, gateway) !== undefined,
        open: async (server, signal, gateway) => {
          const found = this.find(server, gateway)
          if (found === undefined) throw new Error('a route was opened that `has` denied')
          return (await found.get({ patient: true, signal })).exchanges
        },
      },
    })
    await bridge.listenSocket(this.folder.path, this.folder.windowPrefix(Date.now()))
    // The window was closed while it began to listen.
    if (this.disposed) await bridge.close()
    return bridge
  }

  /** The one gateway that has it: of two nobody may guess which one is meant. */
  private find(server: string, gateway: string | undefined): ServedGateway | undefined {
    const having = this.gateways
      .all()
      .filter(({ setting }) => setting.servers.includes(server) && (gateway ?? setting.name) === setting.name)
    return having.length === 1 ? having[0] : undefined
  }
}
