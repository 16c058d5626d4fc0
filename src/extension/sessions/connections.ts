import type { GatewaySetting } from '../../contracts/settings.ts'
import type { Disposable } from '../../support/disposable.ts'
import { Emitter } from '../../support/emitter.ts'
import { type ConnectionPorts, GatewayConnection, type Link } from './gatewayConnection.ts'

/** One connection for each gateway of the settings, and for those that live only as long as this window (the sample). */
export class Connections<L extends Link> implements Disposable {
  private readonly ports: ConnectionPorts<L>
  private readonly changed = new Emitter<GatewayConnection<L> | undefined>()
  /** A connection's state, or (undefined) the list itself. */
  readonly onChange = this.changed.event
  private readonly connections = new Map<string, GatewayConnection<L>>()
  private readonly temporary = new Map<string, GatewaySetting>()
  private configured: readonly GatewaySetting[] = []

  constructor(ports: ConnectionPorts<L>) {
    this.ports = ports
  }

  /** Takes over the gateways of the settings; one whose entry changed loses its session. */
  configure(settings: readonly GatewaySetting[]): void {
    this.configured = settings
    this.sync()
  }

  /** A gateway for this window only. It wins over a configured one of the same name. */
  addTemporary(setting: GatewaySetting): GatewayConnection<L> {
    this.temporary.set(setting.name, setting)
    this.sync()
    const added = this.connections.get(setting.name)
    if (added === undefined) throw new Error('unreachable: the connection was just made')
    return added
  }

  removeTemporary(name: string): void {
    if (this.temporary.delete(name)) this.sync()
  }

  all(): readonly GatewayConnection<L>[] {
    return [...this.connections.values()]
  }

  get(name: string): GatewayConnection<L> | undefined {
    return this.connections.get(name)
  }

  /** Ends all sessions, with their goodbye where the gateway still listens. */
  async closeAll(): Promise<void> {
    await Promise.allSettled(this.all().map((connection) => connection.close()))
  }

  dispose(): void {
    for (const connection of this.connections.values()) connection.dispose()
    this.connections.clear()
  }

  private sync(): void {
    const wanted = new Map(this.configured.map((setting) => [setting.name, setting]))
    for (const setting of this.temporary.values()) wanted.set(setting.name, setting)
    for (const [name, connection] of this.connections) {
      if (JSON.stringify(connection.setting) === JSON.stringify(wanted.get(name))) continue
      this.connections.delete(name)
      connection.dispose()
    }
    for (const [name, setting] of wanted) {
      if (this.connections.has(name)) continue
      const connection = new GatewayConnection(setting, this.ports)
      connection.onChange(() => this.changed.fire(connection))
      this.connections.set(name, connection)
    }
    this.changed.fire(undefined)
  }
}
