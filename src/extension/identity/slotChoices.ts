import type { IdentitySetting } from '../../contracts/settings.ts'
import { DEFAULT_LABEL } from '../../keys/signer.ts'
import type { Inventory } from './inventoryService.ts'
import { isIdentity, keysAt, type Place, type PlacedKey, slotsOf, VAULT } from './keyPlaces.ts'

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
    const failed = error === undefined ? [] : [failedRow(module.name, error.message)]
    return { title: module.name, rows: usefulFirst([...rows, ...failed]) }
  })
  return [...groups, { title: 'Vault', rows: vaultRows(inventory, identity) }, { title: '', rows: [ADD_MODULE] }]
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
    return [explained(`slot ${slot}`, '', `slot ${slot} · not ready: ${reason}`)]
  }
  const name = token.label || token.model || `slot ${slot}`
  const can = token.can.join(', ')
  if (readiness === 'not ready') return [explained(name, can, `slot ${slot} · not ready: ${reason}`)]
  const keys = keysAt(place, inventory).map((key) => keyRow(key, `${name}, slot ${slot}`, identity))
  const locked: SlotRow[] = token.listed
    ? []
    : [
        {
          label: `$(countersign-locked) ${name}`,
          description: token.pin === 'last try' ? `${can} · last try` : can,
          detail: `slot ${slot} · PIN wanted before keys can be listed${token.pin === 'last try' ? ' · one more wrong PIN locks it' : ''}`,
          choice: { act: 'unlock', place },
        },
      ]
  const create: SlotRow[] = token.canCreate
    ? [
        {
          label: '$(add) Create Identity Key…',
          description: '',
          detail: `in ${name} · ${token.can.filter((ability) => ability.startsWith('ML-DSA')).join(' or ')}, never extractable`,
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
    label: `$(countersign-${custody}) ${label}`,
    description: isIdentity(placed, identity, DEFAULT_LABEL) ? `${algorithm} · current` : algorithm,
    detail: `${custody} · ${where}${why}`,
    choice: { act: 'use', key: placed },
  }
}

function vaultRows(inventory: Inventory, identity: IdentitySetting): SlotRow[] {
  const { error } = inventory.vault
  if (error !== undefined) return [failedRow('Embedded vault', error.message)]
  const [key] = keysAt(VAULT, inventory)
  const current = identity.kind === 'vault' ? ' · current' : ''
  return [
    {
      label: `$(countersign-software) Embedded vault`,
      description: `${key?.key.algorithm ?? 'ML-DSA-87'}${current}`,
      detail: key === undefined ? 'software · made when it is first used' : `software · ${key.key.label}, not hardware`,
      choice: { act: 'vault' },
    },
  ]
}

const ADD_MODULE: SlotRow = {
  label: '$(add) Add a PKCS#11 module…',
  description: '',
  detail: 'The native library of an HSM, a smart card or a software token',
  choice: { act: 'addModule' },
}

function explained(name: string, description: string, detail: string): SlotRow {
  const choice = { act: 'explain', sentence: `${name}: ${detail}.` } as const
  return { label: `$(countersign-off) ${name}`, description, detail, choice }
}

function failedRow(name: string, reason: string): SlotRow {
  return {
    label: `$(warning) ${name}`,
    description: 'not loaded',
    detail: reason,
    choice: { act: 'explain', sentence: reason },
  }
}
