import { env } from 'vscode'
import type { Log } from '../../support/log.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { ContextDocuments } from '../documents/contextDocuments.ts'
import { logFailure } from '../failures.ts'
import type { TrialBoard } from '../trial/board.ts'
import { Panel } from './panel.ts'
import { PanelFeed } from './panelFeed.ts'
import { panelWords } from './panelWords.ts'
import { type PanelActions, panelHandlers } from './panelHandlers.ts'
import { panelState, type PanelStatePorts } from './panelState.ts'

export interface OpenPanelPorts {
  readonly folder: string
  readonly icon: string
  /** Folder of the translations. */
  readonly translations: string
  readonly state: PanelStatePorts
  readonly actions: PanelActions
  readonly trial: TrialBoard
  readonly documents: ContextDocuments
  readonly log: Log
  readonly seen: () => void
}

/** The panel with its documents, feed and handlers. */
export function openPanel({
  folder,
  icon,
  translations,
  state,
  actions,
  documents,
  trial,
  log,
  seen,
}: OpenPanelPorts): Panel {
  const { contexts, gateways, inventory } = state
  // Modules are loaded, and asked for changes, while somebody looks at the HSM view and at no other time.
  let looking: Disposable | undefined
  const look = (on: boolean) => {
    if (on) looking ??= inventory.look()
    else looking?.dispose()
    if (!on) looking = undefined
  }
  return new Panel({
    folder,
    icon,
    words: () => panelWords(translations, env.language),
    handlers: panelHandlers({
      actions,
      contexts,
      documents,
      gateways,
      inventory,
      log,
      seen,
      shown: (view) => look(view === 'hsm'),
    }),
    hidden: () => look(false),
    feed: (post) => new PanelFeed({ post, contexts, trial, build: (version) => panelState(state, version) }),
    onError: (method, error) => {
      if (error.code !== 'cancelled') logFailure(log, error, `panel, ${method}`)
    },
  })
}
