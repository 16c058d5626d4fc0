import { commands, env } from 'vscode'
import type { View } from '../../contracts/panel.ts'
import type { KeyAction, SlotAction } from '../../contracts/panelHsm.ts'
import { digestOf } from '../../evidence/checks.ts'
import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { ContextDocuments } from '../documents/contextDocuments.ts'
import { addressOf } from '../documents/findContext.ts'
import { contextDetail } from '../evidence/contextDetail.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import { contextBytes, evidencePart } from '../evidence/evidenceParts.ts'
import { evidenceLine } from '../evidence/evidenceLine.ts'
import type { Recorded } from '../evidence/recorded.ts'
import type { InventoryService } from '../identity/inventoryService.ts'
import { keysAt, placesOf } from '../identity/keyPlaces.ts'
import { keyText, type PublicKey } from '../identity/keyText.ts'
import type { Gateway, Gateways } from '../sessions/gatewayLink.ts'
import type { HostHandlers } from './panel.ts'

/** What the panel's intents lead to: the same functions as the commands of the palette. */
export interface PanelActions {
  connect(): Promise<void>
  connectGateway(gateway: Gateway): Promise<void>
  selectSlot(key: string | undefined): Promise<void>
  createKey(slot: string | undefined): Promise<void>
  trySample(): Promise<void>
  startTrial(): Promise<void>
  cancelTrial(): void
  addModule(): Promise<void>
  /** `slot` and `key` are refs of the inventory. */
  slotAction(action: SlotAction, slot: string): Promise<void>
  keyAction(action: KeyAction, key: string): Promise<void>
  lockAll(): Promise<void>
  reviewKey(gateway: Gateway): Promise<void>
  showLog(): void
}

export interface PanelHandlerPorts {
  readonly actions: PanelActions
  readonly contexts: ContextStore
  readonly documents: ContextDocuments
  readonly gateways: Gateways
  readonly inventory: InventoryService
  readonly log: Log
  /** The contexts were looked at: nothing is unseen. */
  readonly seen: () => void
  /** This view is what the person sees now. */
  readonly shown: (view: View) => void
}

const EXPORT = 'countersign.exportEvidence'

export function panelHandlers(ports: PanelHandlerPorts): HostHandlers {
  const { actions, contexts, documents, gateways, inventory, log, seen, shown } = ports
  const recorded = async (ref: string): Promise<Recorded> => {
    const found = await contexts.recorded(ref)
    if (found === undefined) throw new CountersignError('usage', 'There is no evidence of this context here.')
    return found
  }
  /** What did not verify is shown only to who asked for it: also its bytes, and also in the clipboard. */
  const shownEvidence = (found: Recorded, ref: string, reveal: boolean): Recorded => {
    if (reveal || contexts.get(ref)?.row.verdict === 'verified') return found
    throw new CountersignError('usage', 'These bytes did not verify. Choose “Show bytes anyway” first.')
  }
  const gateway = (id: string): Gateway => {
    const found = gateways.all().find(({ setting }) => `gateway ${setting.name}` === id)
    if (found === undefined) throw new CountersignError('usage', 'This gateway is no longer in the settings.')
    return found
  }
  return {
    selectView: async ({ view }) => {
      if (view === 'contexts') seen()
      shown(view)
      return {}
    },
    contextDetail: async ({ ref, reveal }) => await contextDetail(contexts, ref, reveal),
    verifyAgain: async ({ ref, reveal }) => {
      const detail = await contextDetail(contexts, ref, reveal)
      log.log('info', 'a context was verified again', { context: ref, verdict: detail.statementIs })
      return detail
    },
    contextBytes: async ({ ref, offset, reveal }) =>
      contextBytes(shownEvidence(await recorded(ref), ref, reveal), offset),
    copyEvidence: async ({ ref }) => {
      const line = evidenceLine(await recorded(ref))
      await env.clipboard.writeText(line)
      return { bytes: Buffer.byteLength(line) }
    },
    copyPart: async ({ ref, part, reveal }) => {
      const evidence = part === 'context' ? shownEvidence(await recorded(ref), ref, reveal) : await recorded(ref)
      const text = evidencePart(evidence, part)
      await env.clipboard.writeText(text)
      return { bytes: Buffer.byteLength(text) }
    },
    exportEvidence: async ({ ref }) => {
      const { entry } = await recorded(ref)
      return done(Promise.resolve(commands.executeCommand(EXPORT, { digest: digestOf(entry.statement) })))
    },
    openDocument: async ({ ref }) => {
      const row = contexts.get(ref)?.row
      return done(documents.open(row === undefined ? { ref, reveal: false } : addressOf(row)))
    },
    connect: async () => done(actions.connect()),
    disconnect: async ({ session }) => done(gateway(session).close({ held: true })),
    retry: async ({ session }) => done(actions.connectGateway(gateway(session))),
    reviewKey: async ({ session }) => done(actions.reviewKey(gateway(session))),
    selectSlot: async ({ key }) => done(actions.selectSlot(key)),
    createKey: async ({ slot }) => done(actions.createKey(slot)),
    trySample: async () => done(actions.trySample()),
    startTrial: async () => done(actions.startTrial()),
    cancelTrial: async () => {
      actions.cancelTrial()
      return {}
    },
    refreshInventory: async () => done(inventory.refresh()),
    addModule: async () => done(actions.addModule()),
    slotAction: async ({ slot, action }) => done(actions.slotAction(action, slot)),
    keyAction: async ({ key, action }) => done(actions.keyAction(action, key)),
    lockAll: async () => done(actions.lockAll()),
    showLog: async () => {
      actions.showLog()
      return {}
    },
    openChat: async () =>
      done(Promise.resolve(commands.executeCommand('workbench.action.chat.open', { mode: 'agent' }))),
    dismissNotice: async () => ({}),
    copyKey: async ({ kid, as }) => done(Promise.resolve(env.clipboard.writeText(keyText(keyOf(ports, kid), as)))),
  }
}

async function done(work: Promise<unknown>): Promise<Record<string, never>> {
  await work
  return {}
}

function keyOf({ inventory, gateways }: PanelHandlerPorts, kid: string): PublicKey {
  const listed = placesOf(inventory.inventory).flatMap((place) => keysAt(place, inventory.inventory))
  const sides = gateways
    .all()
    .flatMap(({ ready }) => (ready === undefined ? [] : [ready.session.self, ready.session.peer]))
  const found = [...listed.map(({ key }) => key), ...sides].find((key) => key.kid === kid)
  if (found === undefined) throw new CountersignError('usage', 'This key is no longer here.')
  return found
}
