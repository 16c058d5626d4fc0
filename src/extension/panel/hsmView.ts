import { basename } from 'node:path'
import type { InventorySlot, InventoryToken, ProbeResult } from '../../contracts/inventory.ts'
import type { PanelHsm, PanelHsmModule, PanelHsmSlot } from '../../contracts/panelHsm.ts'
import type { ListedModule } from '../identity/inventoryService.ts'
import { keysAt, type PlacedKey, slotsOf, VAULT } from '../identity/keyPlaces.ts'
import { slotActionsOf } from './hsmActions.ts'
import { type HsmFacts, keyView } from './hsmKeyView.ts'
import { t } from '../../support/l10n.ts'

/** The inventory as the panel draws it. All of it is what modules claim. */
export function hsmView(facts: HsmFacts): PanelHsm {
  const { inventory } = facts
  const { refreshedAt, loading } = inventory
  const modules = inventory.modules.map((module) => moduleView(module, facts))
  return {
    state: refreshedAt === undefined || loading ? 'loading' : 'ready',
    ...(refreshedAt === undefined ? {} : { refreshedAt }),
    modules: [...modules.slice(0, 31), vaultView(facts)],
  }
}

function moduleView(module: ListedModule, facts: HsmFacts): PanelHsmModule {
  const { setting, name, error } = module
  const known = module.facts
  return {
    ref: module.ref,
    kind: 'module',
    name: clip(name),
    path: setting.path,
    detail: clip(`${basename(setting.path)} ${known?.version ?? ''}`.trim()),
    state: stateOf(module),
    ...(error === undefined ? {} : { reason: t(error.sentence) }),
    ...(known === undefined
      ? {}
      : {
          answersIn: known.answersIn,
          manufacturer: clip(known.manufacturer),
          description: clip(known.description),
          cryptoki: clip(known.cryptoki),
        }),
    slots: slotsOf(module)
      .slice(0, 64)
      .map((place) => slotView(place.ref, place.slot, keysAt(place, facts.inventory), facts)),
  }
}

function stateOf({ facts, error, silent }: ListedModule): PanelHsmModule['state'] {
  if (facts === undefined) return error === undefined ? 'loading' : 'failed'
  return silent === true ? 'silent' : 'loaded'
}

function slotView(ref: string, slot: InventorySlot, keys: readonly PlacedKey[], facts: HsmFacts): PanelHsmSlot {
  const { token, readiness, reason } = slot
  const common = {
    ref,
    slot: String(slot.slot),
    description: clip(slot.description),
    hardware: slot.hardware,
    reason: reason.slice(0, 2000),
    criteria: slot.criteria.map((criterion) => ({ ...criterion, finding: criterion.finding.slice(0, 2000) })),
    quirks: [...slot.quirks],
    probes: slot.probes.map(probeView),
    actions: slotActionsOf(slot),
    ...(readiness === undefined ? {} : { readiness }),
  }
  if (token === undefined) return { ...common, can: [], pin: 'none', listed: false, keys: [] }
  return {
    ...common,
    token: tokenView(token),
    can: token.can.map((ability) =>
      ability === 'classical only' ? { label: t('classical only'), no: true } : { label: ability },
    ),
    pin: token.pin,
    listed: token.listed,
    keys: keys.slice(0, 256).map((placed) => keyView(placed, readiness !== 'not ready', facts)),
  }
}

function tokenView(token: InventoryToken): NonNullable<PanelHsmSlot['token']> {
  const { label, manufacturer, model, serial, firmware, hardwareVersion, sessions, memory } = token
  return {
    label: clip(label),
    manufacturer: clip(manufacturer),
    model: clip(model),
    serial: clip(serial),
    firmware: clip(firmware),
    hardwareVersion: clip(hardwareVersion),
    initialised: token.initialised,
    keypad: token.keypad,
    flags: [...token.flags],
    sessions: {
      ...(sessions.open === null ? {} : { open: sessions.open }),
      ...(sessions.most === null ? {} : { most: sessions.most }),
    },
    ...(memory === null ? {} : { memory }),
  }
}

function probeView({ algorithm, at, steps }: ProbeResult): PanelHsmSlot['probes'][number] {
  return {
    algorithm,
    at,
    steps: steps.map(({ step, ok, ms, error }) => ({
      step,
      ok,
      ms,
      ...(error === null ? {} : { error: t(error).slice(0, 2000) }),
    })),
  }
}

function vaultView(facts: HsmFacts): PanelHsmModule {
  const { vault } = facts.inventory
  const reason =
    vault.facts === undefined ? t('made when the first key is needed') : t('a file of the editor, not hardware')
  return {
    ref: 'vault module',
    kind: 'vault',
    name: t('Vault'),
    detail: t('embedded, not hardware'),
    state: vault.error === undefined ? 'loaded' : 'failed',
    ...(vault.error === undefined ? {} : { reason: t(vault.error.sentence) }),
    slots: [
      {
        ref: VAULT.ref,
        slot: '0',
        token: { label: 'vault', initialised: true, keypad: false, flags: [] },
        can: [{ label: 'ML-DSA-87' }, { label: 'ML-DSA-65' }],
        readiness: 'usable',
        reason,
        criteria: [
          { name: 'ML-DSA-87', state: 'met', weight: 'needed', finding: t('ML-DSA-87 is offered') },
          {
            name: t('not known as software'),
            state: 'not met',
            weight: 'wanted',
            finding: t('it is software: a sealed file'),
          },
        ],
        probes: [],
        quirks: [],
        pin: 'none',
        listed: true,
        actions: [],
        keys: keysAt(VAULT, facts.inventory).map((placed) => keyView(placed, true, facts)),
      },
    ],
  }
}

/** Names come from modules and can be as long as they like; the panel's messages have bounds. */
function clip(text: string): string {
  return text.slice(0, 256)
}
