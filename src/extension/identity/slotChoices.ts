import type { IdentitySetting } from '../../contracts/settings.ts'
import { DEFAULT_LABEL } from '../../keys/signer.ts'
import type { Inventory } from './inventoryService.ts'
import { isIdentity, keysAt, type Place, type PlacedKey, slotsOf, VAULT } from './keyPlaces.ts'
import { CUSTODY_WORD } from '../words.ts'
import { t } from '../../support/l10n.ts'
import { iconless } from '../../support/printable.ts'

export type SlotChoice =
  | { readonly act: 'use'; readonly key: PlacedKey }
  | { readonly act: 'vault' }
  | { readonly act: 'unlock' | 'create'; readonly place: Extract<Place, { kind: 'slot' }> }
  | { readonly act: 'explain'; readonly sentence: string }
  | { readonly act: 'addModule' }

export interface SlotRow {
  /** Begins with the glyph of what it is; the words say the same. */
  readonly label: string
  readonly description: string
  readonly detail: string
  readonly choice: SlotChoice
}

export interface SlotGroup {
  readonly title: string
  readonly rows: readonly SlotRow[]
}

/** The rows of *Select HSM Slot…*: what each key and slot can do, as the module claims. */
export function slotChoices(inventory: Inventory, identity: IdentitySetting): SlotGroup[] {
  const groups = inventory.modules.map((module) => {
    const { error } = module
    const rows = slotsOf(module).flatMap((place) => slotRows(place, inventory, identity))
    const failed = error === undefined ? [] : [failedRow(iconless(module.name), t(error.sentence))]
    return { title: module.name, rows: usefulFirst([...rows, ...failed]) }
  })
  return [...groups, { title: t('Vault'), rows: vaultRows(inventory, identity) }, { title: '', rows: [ADD_MODULE] }]
}

const ORDER: readonly SlotChoice['act'][] = ['use', 'vault', 'unlock', 'create', 'explain', 'addModule']

/** What can sign stands where the cursor is; what cannot is listed with its reason, below. */
function usefulFirst(rows: readonly SlotRow[]): SlotRow[] {
  return rows.toSorted((a, b) => ORDER.indexOf(a.choice.act) - ORDER.indexOf(b.choice.act))
}

function slotRows(place: Extract<Place, { kind: 'slot' }>, inventory: Inventory, identity: IdentitySetting): SlotRow[] {
  const { slot } = place.slot
  const { token, readiness, reason } = place.slot
  if (token === undefined) {
    if (readiness === undefined) return []
    return [explained(t`slot ${slot}`, '', t`slot ${slot} · not ready: ${reason}`)]
  }
  const name = iconless(token.label || token.model || t`slot ${slot}`)
  const can = token.can.join(', ')
  if (readiness === 'not ready') return [explained(name, can, t`slot ${slot} · not ready: ${reason}`)]
  const keys = keysAt(place, inventory).map((key) => keyRow(key, t`${name}, slot ${slot}`, identity))
  const locked: SlotRow[] = token.listed
    ? []
    : [
        {
          label: `$(countersign-locked) ${name}`,
          description: token.pin === 'last try' ? t`${can} · last try` : can,
          detail:
            token.pin === 'last try'
              ? t`slot ${slot} · PIN wanted before keys can be listed · one more wrong PIN locks it`
              : t`slot ${slot} · PIN wanted before keys can be listed`,
          choice: { act: 'unlock', place },
        },
      ]
  const create: SlotRow[] = token.canCreate
    ? [
        {
          label: t('$(add) Create Identity Key…'),
          description: '',
          detail: t`in ${name} · ${token.can.filter((ability) => ability.startsWith('ML-DSA')).join(', ')}, never extractable`,
          choice: { act: 'create', place },
        },
      ]
    : []
  return [...keys, ...locked, ...create]
}

function keyRow(placed: PlacedKey, where: string, identity: IdentitySetting): SlotRow {
  const { label, algorithm, custody, reasons } = placed.key
  const why = reasons[0] === undefined ? '' : ` · ${reasons[0]}`
  return {
    label: `$(countersign-${custody}) ${iconless(label)}`,
    description: isIdentity(placed, identity, DEFAULT_LABEL) ? t`${algorithm} · current` : algorithm,
    detail: `${CUSTODY_WORD[custody]} · ${where}${why}`,
    choice: { act: 'use', key: placed },
  }
}

function vaultRows(inventory: Inventory, identity: IdentitySetting): SlotRow[] {
  const { error } = inventory.vault
  if (error !== undefined) return [failedRow(t('Embedded vault'), t(error.sentence))]
  const [key] = keysAt(VAULT, inventory)
  const algorithm = key?.key.algorithm ?? 'ML-DSA-87'
  return [
    {
      label: `$(countersign-software) ${t('Embedded vault')}`,
      description: identity.kind === 'vault' ? t`${algorithm} · current` : algorithm,
      detail:
        key === undefined ? t('software · made when it is first used') : t`software · ${key.key.label}, not hardware`,
      choice: { act: 'vault' },
    },
  ]
}

const ADD_MODULE: SlotRow = {
  label: t('$(add) Add a PKCS#11 module…'),
  description: '',
  detail: t('The native library of an HSM, a smart card or a software token'),
  choice: { act: 'addModule' },
}

function explained(name: string, description: string, detail: string): SlotRow {
  const choice = { act: 'explain', sentence: `${name}: ${detail}.` } as const
  return { label: `$(countersign-off) ${name}`, description, detail, choice }
}

function failedRow(name: string, reason: string): SlotRow {
  return {
    label: `$(warning) ${name}`,
    description: t('not loaded'),
    detail: reason,
    choice: { act: 'explain', sentence: reason },
  }
}
