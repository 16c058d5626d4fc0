import { existsSync } from 'node:fs'
import { type ExtensionContext, window } from 'vscode'
import { DisposableStore } from '../support/disposable.ts'
import { toCountersignError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { commandIds, type CommandTable, registerCommands } from './commands/register.ts'
import { Configuration } from './configuration.ts'
import { logFailure, showFailure } from './failures.ts'
import { Later } from './later.ts'
import { OutputLog } from './outputLog.ts'
import { PANEL_TYPE } from './panel/lazyPanel.ts'
import type { Parts, Root } from './parts.ts'
import { Places } from './places.ts'
import { registerReaders } from './readers.ts'
import { ServerProvider } from './servers/provider.ts'
import { SlotTree } from './slots/slotTree.ts'
import { type Standing, StatusBar } from './statusBar.ts'

let shutdown = async (): Promise<void> => {}

/**
 * Registers what the editor may ask for, and loads what answers it (`parts.ts`) when it first asks, or when this activation is
 * over and there is a gateway: most windows that open need none of it. `test/architecture/startup.test.ts` holds that.
 * Nothing is exported: other extensions share this host and are trusted with nothing.
 */
export function activate(context: ExtensionContext): void {
  const owned = new DisposableStore()
  const log = new OutputLog(owned.add(window.createOutputChannel('Countersign', { log: true })))
  const failed = (thrown: unknown, what: string) => showFailure(log, thrown, what)
  const places = new Places(context.extensionPath, context.globalStorageUri.fsPath)
  const configuration = owned.add(new Configuration())
  const parts: Later<Parts> = owned.add(new Later(async () => (await import('./parts.ts')).assemble(root)))

  /** For whoever cannot tell a person why it failed. */
  const needed = async (what: string): Promise<Parts> => {
    try {
      return await parts.get()
    } catch (thrown) {
      failed(thrown, what)
      throw thrown
    }
  }
  const standing = () => parts.loaded?.standing() ?? untouched(configuration)
  const identitySetting = () => configuration.current.identity
  const vaultMade = () => existsSync(places.vault)
  const status = owned.add(new StatusBar({ standing, identitySetting, vaultMade }))
  const slots = owned.add(new SlotTree(async () => (await needed('slots')).tree))
  const any = () => parts.loaded !== undefined || configuration.current.gateways.length > 0
  const provider = owned.add(new ServerProvider({ any, load: async () => (await needed('servers')).servers, failed }))
  const root: Root = { context, log, places, configuration, status, slots, provider, failed }

  // The log is here, because it says why the rest could not be loaded.
  const own: CommandTable = { 'countersign.showLog': () => log.show() }
  const run = async (id: string, target: unknown) => {
    if (own[id] === undefined) await (await parts.get()).command(id, target)
    else await own[id](target)
  }
  owned.add(registerCommands(commandIds(context.extension.packageJSON), run, failed))
  owned.add(
    window.registerWebviewPanelSerializer(PANEL_TYPE, {
      deserializeWebviewPanel: async (panel) => (await needed('panel')).panel.restore(panel),
    }),
  )

  owned.add(registerReaders(needed))

  const begin = () => {
    // What fails is told by `needed`.
    if (any()) needed('start').catch(() => {})
  }
  owned.add(
    configuration.onChange(() => {
      status.update()
      begin()
    }),
  )
  configuration.report()
  // After this turn: activation is over.
  const turn = setImmediate(() => {
    begin()
    void leadAgents(places, log)
  })
  owned.add({ dispose: () => clearImmediate(turn) })
  shutdown = async () => {
    await parts.loaded?.close()
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

/** Nothing was needed yet, so nothing is connected and no key is open. */
function untouched({ current }: Configuration): Standing {
  const gateways = current.gateways.map((setting) => ({ setting, state: { kind: 'closed' } as const }))
  return { gateways, signer: { kind: 'none' }, unseen: 0 }
}

/** What agents start must be this version, also if nobody opens a menu. */
async function leadAgents({ cli }: Places, log: Log): Promise<void> {
  try {
    await (await import('./agents/launcher.ts')).ownLauncher(cli).refresh()
  } catch (thrown) {
    logFailure(log, toCountersignError(thrown), 'launcher')
  }
}
