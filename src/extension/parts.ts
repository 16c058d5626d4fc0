import { dirname, join } from 'node:path'
import { env, type ExtensionContext, ExtensionKind, type Uri, type WebviewPanel } from 'vscode'
import { systemClock as clock } from '../support/clock.ts'
import { type Disposable, DisposableStore } from '../support/disposable.ts'
import type { CountersignError } from '../support/errors.ts'
import { AgentFolder } from '../mcp/bridge/agentFolder.ts'
import { GatewayPins } from '../trust/gatewayPins.ts'
import { AgentBridge } from './agents/agentBridge.ts'
import { ownLauncher } from './agents/launcher.ts'
import type { CommandTable } from './commands/register.ts'
import type { Configuration } from './configuration.ts'
import { ContextDocuments } from './documents/contextDocuments.ts'
import { ContextStore } from './evidence/contextStore.ts'
import { keysKnownHere } from './evidence/knownHere.ts'
import { LazyJournal } from './evidence/lazyJournal.ts'
import { logFailure } from './failures.ts'
import { assembleKeys } from './keyParts.ts'
import type { OutputLog } from './outputLog.ts'
import { LazyPanel } from './panel/lazyPanel.ts'
import { panelWords } from './panel/panelWords.ts'
import { hsmState } from './panel/panelState.ts'
import type { Places } from './places.ts'
import { SampleGateway } from './sample/sampleGateway.ts'
import { SecuredServers } from './secured/securedServers.ts'
import { Bridges } from './servers/bridges.ts'
import { listServers } from './servers/serverList.ts'
import type { ServerParts, ServerProvider } from './servers/provider.ts'
import { askAboutGateway } from './sessions/approval.ts'
import { Connections } from './sessions/connections.ts'
import type { GatewayLink } from './sessions/gatewayLink.ts'
import type { OpenLinkPorts } from './sessions/openLink.ts'
import { PinBoard } from './sessions/pinBoard.ts'
import { sleep } from './sessions/sleep.ts'
import { slotRows } from './slots/rows.ts'
import type { SlotTree, SlotTreePorts } from './slots/slotTree.ts'
import type { Standing, StatusBar } from './statusBar.ts'
import { TrialBoard } from './trial/board.ts'
import { Wiring } from './wiring.ts'

/** What `activate` made: it is registered with the editor, and draws before anything else is needed. */
export interface Root {
  readonly context: ExtensionContext
  readonly log: OutputLog
  readonly places: Places
  readonly configuration: Configuration
  readonly status: StatusBar
  readonly slots: SlotTree
  readonly provider: ServerProvider
  readonly failed: (thrown: unknown, what: string) => void
}

/** Everything behind it. */
export interface Parts extends Disposable {
  readonly panel: LazyPanel
  readonly servers: ServerParts
  readonly tree: SlotTreePorts
  readonly documents: ContextDocuments
  openBundle(uri: Uri, panel: WebviewPanel): Promise<void>
  standing(): Standing
  /** Runs a command of the palette; `target` is what a menu was opened on. */
  command(id: string, target: unknown): Promise<void>
  /** The goodbyes of sessions and the last line of the journal. Before `dispose`. */
  close(): Promise<void>
}

/** Constructs the extension. Nothing here connects, opens a key or starts a process: that happens when it is first needed. */
export function assemble({ context, log, places, configuration, status, slots, provider, failed }: Root): Parts {
  const owned = new DisposableStore()
  const keys = owned.add(assembleKeys({ secretStorage: context.secrets, log, places, configuration }))
  const { secrets, processes, autoLock, ring, vault, vaultMade, identity, lives, inventory, locking } = keys
  const lifeOf = (kid: string) => lives.of(kid)
  const identitySetting = () => configuration.current.identity

  // Imported when an older context is opened or searched, which in most windows nobody does.
  const contexts = new ContextStore(clock, {
    find: async (place, signal) =>
      (await import('../evidence/journal/store.ts')).findEntry(places.journal, place, signal),
    bodies: async function* (since, signal) {
      yield* (await import('../evidence/journal/bodies.ts')).journalBodies(places.journal, since, signal)
    },
  })
  const journal = new LazyJournal(places.journal, () => configuration.usable.journal, log)
  const pins = new GatewayPins(places.state, clock)
  const board = new PinBoard(pins)
  const known = () => keysKnownHere({ ring, pins, gateways: () => configuration.current.gateways })
  const readJournal = async () => (await import('../evidence/journal/store.ts')).openJournal(places.journal)
  const documents = new ContextDocuments({ contexts, journal: readJournal, known })
  const agentFolder = new AgentFolder()
  const launcher = ownLauncher(places.cli)
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
    legsChanged: () => panel.stateChanged(),
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
  const trial = new TrialBoard(async (...given) =>
    (await import('./trial/sampleTrial.ts')).runSampleTrial(places, log, ...given),
  )
  const bridges = owned.add(new Bridges(gateways, log))
  const agentBridge = owned.add(new AgentBridge(gateways, agentFolder, log))

  const used = () => autoLock.used()
  const commands = {
    configuration,
    inventory,
    processes,
    secrets,
    pins: keys.pinDesk,
    ring,
    vault,
    log,
    gateways,
    identity,
    sample,
    trial,
    gatewayPins: pins,
    evidence: { journal: places.journal, state: places.state },
    picking: { contexts, journal: readJournal, selected: () => panel.selected },
    documents,
    clock,
    locking,
    secured,
    agents: { folder: agentFolder, bridge: agentBridge, launcher, editorUser: editorUserFolder(context) },
    used,
  }
  // Imported when somebody does something: a window whose agents work by themselves needs neither commands nor panel.
  const actions = async () => (await import('./commands/commandTable.ts')).commandTable(commands)
  const listed = () => {
    // What was secured is in a file of the editor, or of another agent: here it would be there twice.
    const settings = gateways.all().flatMap(({ setting }) => (secured.has(setting) ? [] : [setting]))
    // A server sees another client when the key changes, so its tools are asked for anew.
    return listServers(settings, JSON.stringify(identitySetting()))
  }
  const own: CommandTable = {
    'countersign.openPanel': () => panel.show(),
    'countersign.tryToBreakIt': async () => {
      await panel.show({ view: 'trial' })
      await (await actions()).startTrial()
    },
  }
  const hsm = { identity, identitySetting, inventory, lifeOf }
  const panel: LazyPanel = owned.add(
    new LazyPanel(async () =>
      (await import('./panel/openPanel.ts')).openPanel({
        folder: places.webview,
        icon: join(context.extensionPath, 'media', 'icon.png'),
        translations: places.translations,
        state: { ...hsm, gateways, contexts, board, vaultMade },
        actions: await actions(),
        documents,
        trial,
        log,
        seen: () => wiring.seen(),
      }),
    ),
  )
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
  return {
    panel,
    servers: { gateways, bridges, listed },
    tree: { rows: () => slotRows(hsmState(hsm)), look: () => inventory.look() },
    documents,
    openBundle: async (uri, panel) => {
      const failed = (error: CountersignError) => logFailure(log, error, 'bundle')
      const { openBundle } = await import('./bundle/openBundle.ts')
      openBundle(
        {
          folder: places.webview,
          words: await panelWords(places.translations, env.language),
          uri,
          known,
          clock,
          failed,
        },
        panel,
      )
    },
    standing: () => ({ gateways: gateways.all(), signer: identity.state, unseen: contexts.figures.unseen }),
    command: async (id, target) => {
      used()
      await (own[id] ?? (await actions()).palette[id])?.(target)
    },
    close: async () => {
      await Promise.all([trial.end(), wiring.shutdown()])
    },
    dispose: () => owned.dispose(),
  }
}

/** `User`, two levels above our storage; a host on another machine than the window has not the person's own. */
function editorUserFolder({ extension, globalStorageUri }: ExtensionContext): string | undefined {
  return extension.extensionKind === ExtensionKind.UI ? dirname(dirname(globalStorageUri.fsPath)) : undefined
}
