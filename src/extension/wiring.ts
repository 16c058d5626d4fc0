import type { ModuleSetting, Settings } from '../contracts/settings.ts'
import { type Disposable, DisposableStore } from '../support/disposable.ts'
import type { AgentBridge } from './agents/agentBridge.ts'
import type { Configuration } from './configuration.ts'
import type { ContextStore } from './evidence/contextStore.ts'
import type { LazyJournal } from './evidence/lazyJournal.ts'
import type { AutoLock } from './identity/autoLock.ts'
import type { InventoryService } from './identity/inventoryService.ts'
import type { KeyLives } from './identity/keyLives.ts'
import type { KeyProcesses } from './identity/keyProcesses.ts'
import type { SignerState, SigningIdentity } from './identity/signingIdentity.ts'
import { tellLocked } from './identity/tellLocked.ts'
import type { LazyPanel } from './panel/lazyPanel.ts'
import type { ServerProvider } from './servers/provider.ts'
import { tellBlocked } from './sessions/blocked.ts'
import type { Gateway, Gateways } from './sessions/gatewayLink.ts'
import type { PinBoard } from './sessions/pinBoard.ts'
import type { SlotTree } from './slots/slotTree.ts'
import type { StatusBar } from './statusBar.ts'

export interface WiringPorts {
  readonly configuration: Configuration
  readonly gateways: Gateways
  readonly identity: SigningIdentity
  readonly inventory: InventoryService
  readonly contexts: ContextStore
  readonly journal: LazyJournal
  readonly board: PinBoard
  readonly panel: LazyPanel
  readonly slots: SlotTree
  readonly provider: ServerProvider
  readonly status: StatusBar
  readonly processes: KeyProcesses
  readonly autoLock: AutoLock
  readonly lives: KeyLives
  readonly agentBridge: AgentBridge
  readonly failed: (thrown: unknown, what: string) => void
}

/** Who hears of what: settings lead to sessions and keys, those lead to the views. */
export class Wiring implements Disposable {
  private readonly ports: WiringPorts
  private readonly owned = new DisposableStore()
  private renewed = ''
  private unseen = 0
  private toldLocked = false

  constructor(ports: WiringPorts) {
    this.ports = ports
  }

  begin(): void {
    const { configuration, gateways, identity, inventory, contexts } = this.ports
    this.owned.add(gateways.onChange((gateway) => this.gatewayChanged(gateway)))
    this.owned.add(identity.onChange((state) => this.signerChanged(state)))
    this.owned.add(inventory.onChange(() => this.inventoryChanged()))
    this.owned.add(this.ports.lives.onChange(() => this.inventoryChanged()))
    this.owned.add(contexts.onChange(() => this.contextChanged()))
    this.owned.add(configuration.onChange((settings) => void this.settingsChanged(settings)))
    this.renewed = renewing(configuration.current)
    gateways.configure(configuration.current.gateways)
    void this.ports.agentBridge.begin()
  }

  async shutdown(): Promise<void> {
    // First: an agent whose window is gone finds another one, and is told that nothing was sent.
    await this.ports.agentBridge.close()
    await this.ports.gateways.closeAll()
    await this.ports.journal.close()
  }

  dispose(): void {
    this.owned.dispose()
  }

  /** The contexts were looked at. */
  seen(): void {
    this.ports.contexts.figures.seen()
    this.unseen = 0
    this.ports.slots.rejected(0)
    this.draw()
  }

  private gatewayChanged(gateway: Gateway | undefined): void {
    const { board, panel, provider } = this.ports
    if (gateway === undefined) provider.refresh()
    else if (gateway.state.kind === 'blocked') {
      void tellBlocked(gateway, panel).catch((thrown: unknown) => this.ports.failed(thrown, 'panel'))
    }
    this.draw()
    // A pin may have been made or forgotten; a state file that cannot be read is told where it is used.
    void board.refresh().then(
      () => panel.stateChanged(),
      () => {},
    )
  }

  private signerChanged(state: SignerState): void {
    this.draw()
    if (state.kind !== 'locked') this.toldLocked = false
    // Before its first use the person has just been asked for the PIN; later a locked token comes as a surprise.
    if (state.kind !== 'locked' || state.identity === undefined || this.toldLocked) return
    this.toldLocked = true
    if (state.told === true) return
    void tellLocked(state.identity, this.ports.identity).catch((thrown: unknown) => this.ports.failed(thrown, 'unlock'))
  }

  private inventoryChanged(): void {
    this.ports.panel.stateChanged()
    this.ports.slots.update()
  }

  private contextChanged(): void {
    const { unseen } = this.ports.contexts.figures
    if (unseen === this.unseen) return
    this.unseen = unseen
    this.ports.status.update()
    this.ports.slots.rejected(unseen)
  }

  private async settingsChanged(settings: Settings): Promise<void> {
    const { gateways, autoLock, inventory } = this.ports
    gateways.configure(settings.gateways)
    void this.ports.agentBridge.begin()
    autoLock.changed()
    if (renewing(settings) !== this.renewed) await this.renew(settings)
    this.ports.processes.configure(moduleOf(settings))
    if (inventory.inventory.refreshedAt !== undefined) void inventory.refresh()
  }

  private async renew(settings: Settings): Promise<void> {
    const { gateways, identity, journal } = this.ports
    this.renewed = renewing(settings)
    const open = gateways.all().filter(({ ready }) => ready !== undefined)
    // The goodbyes of the old sessions are signed by the old key, so it goes last.
    await gateways.closeAll()
    identity.release()
    await journal.close()
    await Promise.allSettled(open.map((gateway) => gateway.get({ patient: true })))
  }

  private draw(): void {
    this.ports.status.update()
    this.ports.slots.update()
    this.ports.panel.stateChanged()
  }
}

/** The settings that a session is made with: a change of any of them needs a new session. */
function renewing(settings: Settings): string {
  const { identity, suites, clientName, journal, modules } = settings
  const used = moduleOf(settings)
  // What a person says about the module of the identity decides how its process holds it.
  const own = modules.find(
    ({ path, libraryParameters }) => path === used?.path && libraryParameters === used.libraryParameters,
  )
  const { name: _, ...held } = own ?? { name: undefined }
  return JSON.stringify([identity, suites, clientName, journal, held])
}

function moduleOf({ identity }: Settings): Pick<ModuleSetting, 'path' | 'libraryParameters'> | undefined {
  if (identity.kind === 'vault') return undefined
  const { module, libraryParameters } = identity
  return libraryParameters === undefined ? { path: module } : { path: module, libraryParameters }
}
