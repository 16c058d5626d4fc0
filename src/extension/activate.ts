import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ExtensionContext, ExtensionKind, window } from 'vscode'
import { systemClock as clock } from '../support/clock.ts'
import { type Disposable, DisposableStore } from '../support/disposable.ts'
import { toCountersignError } from '../support/errors.ts'
import { AgentFolder } from '../mcp/bridge/agentFolder.ts'
import { GatewayPins } from '../trust/gatewayPins.ts'
import { KeyRing } from '../trust/keyRing.ts'
import { AgentBridge } from './agents/agentBridge.ts'
import { Launcher } from './agents/launcher.ts'
import { BundleEditor } from './bundle/bundleEditor.ts'
import { commandTable } from './commands/commandTable.ts'
import { lockIdle, type LockPorts } from './commands/pins/lockNow.ts'
import { registerCommands } from './commands/register.ts'
import { Configuration } from './configuration.ts'
import { ContextDocuments } from './documents/contextDocuments.ts'
import { ContextStore } from './evidence/contextStore.ts'
import { keysKnownHere } from './evidence/knownHere.ts'
import { LazyJournal } from './evidence/lazyJournal.ts'
import { logFailure, showFailure } from './failures.ts'
import { AutoLock } from './identity/autoLock.ts'
import { InventoryService } from './identity/inventoryService.ts'
import { KeyLives } from './identity/keyLives.ts'
import { KeyProcesses } from './identity/keyProcesses.ts'
import { tokenName } from './identity/namedKey.ts'
import { PinDesk } from './identity/pinDesk.ts'
import { SigningIdentity } from './identity/signingIdentity.ts'
import { EmbeddedVault } from './identity/vault.ts'
import { OutputLog } from './outputLog.ts'
import { openPanel } from './panel/openPanel.ts'
import type { Panel } from './panel/panel.ts'
import { hsmState } from './panel/panelState.ts'
import { Places } from './places.ts'
import { SampleGateway } from './sample/sampleGateway.ts'
import { SecretStore } from './secretStore.ts'
import { SecuredServers } from './secured/securedServers.ts'
import { Bridges } from './servers/bridges.ts'
import { ServerProvider } from './servers/provider.ts'
import { askAboutGateway } from './sessions/approval.ts'
import { Connections } from './sessions/connections.ts'
import type { GatewayLink } from './sessions/gatewayLink.ts'
import type { OpenLinkPorts } from './sessions/openLink.ts'
import { PinBoard } from './sessions/pinBoard.ts'
import { sleep } from './sessions/sleep.ts'
import { SlotTree } from './slots/slotTree.ts'
import { StatusBar } from './statusBar.ts'
import { Wiring } from './wiring.ts'

let shutdown = async (): Promise<void> => {}

/**
 * Constructs the extension. Nothing here connects, opens a key or starts a process: that happens when it is first needed.
 * Nothing is exported: other extensions share this host and are trusted with nothing.
 */
export function activate(context: ExtensionContext): void {
  const owned = new DisposableStore()
  const log = new OutputLog(owned.add(window.createOutputChannel('Countersign', { log: true })))
  const failed = (thrown: unknown, what: string) => showFailure(log, thrown, what)
  const places = new Places(context.extensionPath, context.globalStorageUri.fsPath)
  const configuration = owned.add(new Configuration())

  const secrets = new SecretStore(context.secrets)
  const modules = () => configuration.current.modules
  const processes = owned.add(
    new KeyProcesses({
      path: places.keyProcess,
      log,
      pins: (module, parameters) => secrets.pinSource(module, parameters),
      modules,
      unlocked: () => autoLock.unlocked(),
    }),
  )
  const autoLock: AutoLock = owned.add(
    new AutoLock({
      minutes: () => configuration.current.autoLock,
      lock: () => lockIdle(locking, configuration.current.autoLock),
      clock,
      after,
    }),
  )
  const ring = new KeyRing(places.state, clock)
  const pinDesk = new PinDesk({ secrets, processes, log })
  const vault = new EmbeddedVault({
    keyProcess: () => processes.vault(),
    file: places.vault,
    key: (mayCreate) => secrets.vaultKey(mayCreate),
    // In the status bar: nobody has to do anything about it.
    created: () => void window.setStatusBarMessage(VAULT_MADE, 20_000),
    log,
  })
  const identity = owned.add(
    new SigningIdentity({
      setting: () => configuration.usable.identity,
      processes,
      openVault: () => vault.open(),
      unlock: (setting) => pinDesk.unlock(setting, tokenName(setting)),
      ring,
      used: () => autoLock.used(),
      clock,
      log,
    }),
  )
  const lives = owned.add(new KeyLives(ring, clock, log))
  const lifeOf = (kid: string) => lives.of(kid)
  const vaultMade = () => existsSync(places.vault)
  const identitySetting = () => configuration.current.identity
  const inventory = owned.add(new InventoryService({ processes, modules, vaultFile: places.vault, clock }))
  const locking: LockPorts = { processes, identity, pins: pinDesk, locked: () => whenLocked(autoLock, inventory) }

  // Imported when an older context is opened, which in most windows nobody does.
  const contexts = new ContextStore(clock, {
    find: async (place, signal) =>
      (await import('../evidence/journal/store.ts')).findEntry(places.journal, place, signal),
  })
  const journal = new LazyJournal(places.journal, () => configuration.usable.journal, log)
  const pins = new GatewayPins(places.state, clock)
  const board = new PinBoard(pins)
  const known = () => keysKnownHere({ ring, pins, gateways: () => configuration.current.gateways })
  const readJournal = async () => (await import('../evidence/journal/store.ts')).openJournal(places.journal)
  const documents = owned.add(new ContextDocuments({ contexts, journal: readJournal, known }))
  const agentFolder = new AgentFolder()
  const launcher = new Launcher(agentFolder.path, process.execPath, places.cli)
  const secured = new SecuredServers({
    folder: places.secured,
    launcher: launcher.path,
    cli: places.cli,
    inputs: secrets,
    environment: process.env,
    log,
  })
  const linkPorts: OpenLinkPorts = {
    settings: () => configuration.usable,
    identity,
    pins,
    ask: (gateway, question) => askAboutGateway(gateway, question, configuration.current.clientName),
    offered: (gateway, peer) => void board.offered.set(gateway, peer),
    journal: () => journal.sink(),
    environment: (gateway) => secured.environment(gateway),
    contexts,
    clock,
    log,
  }
  const gateways = owned.add(
    new Connections<GatewayLink>({
      // Imported when first needed: protocol and carriers are a good part of the bundle, and most windows never connect.
      attempt: async (setting, signal) => (await import('./sessions/openLink.ts')).openLink(linkPorts, setting, signal),
      clock,
      random: Math.random,
      sleep,
    }),
  )
  const sample = owned.add(new SampleGateway(places, log))
  const bridges = owned.add(new Bridges(gateways, log))
  const agentBridge = owned.add(new AgentBridge(gateways, agentFolder, log))

  const actions = commandTable({
    configuration,
    inventory,
    processes,
    secrets,
    pins: pinDesk,
    ring,
    vault,
    log,
    gateways,
    identity,
    sample,
    gatewayPins: pins,
    evidence: { journal: places.journal, state: places.state },
    picking: { contexts, journal: readJournal, selected: () => panel.selected },
    documents,
    clock,
    locking,
    secured,
    agents: { folder: agentFolder, bridge: agentBridge, launcher, editorUser: editorUserFolder(context) },
    used: () => autoLock.used(),
  })
  const panel: Panel = owned.add(
    openPanel({
      folder: places.webview,
      icon: join(context.extensionPath, 'media', 'icon.png'),
      state: { gateways, identity, inventory, contexts, board, identitySetting, vaultMade, lifeOf },
      actions,
      documents,
      log,
      seen: () => wiring.seen(),
    }),
  )
  owned.add(
    new BundleEditor({
      folder: places.webview,
      known,
      clock,
      failed: (error) => logFailure(log, error, 'bundle'),
    }),
  )
  const slots = owned.add(
    new SlotTree({
      hsm: () => hsmState({ identity, identitySetting, inventory, lifeOf }),
      look: () => inventory.look(),
    }),
  )
  const provider = owned.add(
    new ServerProvider({ gateways, bridges, failed, identitySetting, elsewhere: (gateway) => secured.has(gateway) }),
  )
  const status = owned.add(new StatusBar({ gateways, identity, contexts, identitySetting, vaultMade }))
  const commands = { ...actions.palette, 'countersign.openPanel': () => panel.show() }
  owned.add(registerCommands(commands, { failed, used: () => autoLock.used() }))
  const wiring: Wiring = owned.add(
    new Wiring({
      configuration,
      gateways,
      identity,
      inventory,
      contexts,
      journal,
      board,
      panel,
      slots,
      provider,
      status,
      processes,
      autoLock,
      lives,
      agentBridge,
      failed,
    }),
  )
  wiring.begin()
  // What agents start must be this version, also if nobody opens a menu.
  void launcher.refresh().catch((thrown: unknown) => logFailure(log, toCountersignError(thrown), 'launcher'))
  shutdown = async () => {
    await wiring.shutdown()
    owned.dispose()
  }
}

/**
 * VS Code waits a few seconds: time for the goodbyes of sessions and the last line of the journal. What they need is not
 * among the context's subscriptions, because those are disposed while this is still running.
 */
export async function deactivate(): Promise<void> {
  await shutdown()
}

/** What is shown of tokens is not true any more; nobody who did not look at them before is shown them now. */
function whenLocked(autoLock: AutoLock, inventory: InventoryService): void {
  autoLock.locked()
  if (inventory.inventory.refreshedAt !== undefined) void inventory.refresh()
}

/** `User`, two levels above our storage; a host on another machine than the window has not the person's own. */
function editorUserFolder({ extension, globalStorageUri }: ExtensionContext): string | undefined {
  return extension.extensionKind === ExtensionKind.UI ? dirname(dirname(globalStorageUri.fsPath)) : undefined
}

function after(ms: number, run: () => void): Disposable {
  const timer = setTimeout(run, ms)
  return { dispose: () => clearTimeout(timer) }
}

const VAULT_MADE = '$(countersign-software) Countersign made a key in its embedded vault (software)'
