import type { Log } from '../../support/log.ts'
import { evidenceDocument } from '../evidence/evidenceLine.ts'
import type { Disposable } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { logFailure } from '../failures.ts'
import type { TrialBoard } from '../trial/board.ts'
import { EvidenceDocuments } from './documents.ts'
import { Panel } from './panel.ts'
import { PanelFeed } from './panelFeed.ts'
import { type PanelActions, panelHandlers } from './panelHandlers.ts'
import { panelState, type PanelStatePorts } from './panelState.ts'

export interface OpenPanelPorts {
  readonly folder: string
  readonly icon: string
  readonly state: PanelStatePorts
  readonly actions: PanelActions
  readonly trial: TrialBoard
  readonly log: Log
  readonly seen: () => void
}

/** The panel with its documents, feed and handlers. */
export function openPanel({ folder, icon, state, actions, trial, log, seen }: OpenPanelPorts): Panel {
  const { contexts, gateways, inventory } = state
  // Modules are loaded, and asked for changes, while somebody looks at the HSM view and at no other time.
  let looking: Disposable | undefined
  const look = (on: boolean) => {
    if (on) looking ??= inventory.look()
    else looking?.dispose()
    if (!on) looking = undefined
  }
  const documents = new EvidenceDocuments(async (ref) => {
    const recorded = await contexts.recorded(ref)
    if (recorded === undefined)
      throw new CountersignError('usage', 'This evidence is in the journal and no longer here.')
    return evidenceDocument(recorded)
  })
  return new Panel({
    folder,
    icon,
    documents,
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
