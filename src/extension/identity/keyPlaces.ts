import type { InventoryKey, InventorySlot } from '../../contracts/inventory.ts'
import type { IdentitySetting } from '../../contracts/settings.ts'
import type { Inventory, ListedModule } from './inventoryService.ts'
import { keyName } from './refs.ts'
import { t } from '../../support/l10n.ts'
import { iconless } from '../../support/printable.ts'

/** A place for a key: a slot with a token in it, or the vault. `ref` names it inside one inventory. */
export type Place =
  | { readonly kind: 'vault'; readonly ref: 'vault' }
  | { readonly kind: 'slot'; readonly ref: string; readonly module: ListedModule; readonly slot: InventorySlot }

export interface PlacedKey {
  readonly ref: string
  readonly place: Place
  readonly key: InventoryKey
}

export const VAULT: Place = { kind: 'vault', ref: 'vault' }

export function slotsOf(module: ListedModule): Extract<Place, { kind: 'slot' }>[] {
  return (module.facts?.slots ?? []).map((slot) => ({
    kind: 'slot',
    ref: `${module.ref} slot ${slot.slot}`,
    module,
    slot,
  }))
}

export function placesOf({ modules }: Inventory): Place[] {
  return [...modules.flatMap(slotsOf), VAULT]
}

export function keysAt(place: Place, { vault }: Inventory): PlacedKey[] {
  const keys = place.kind === 'vault' ? (vault.facts?.keys ?? []) : (place.slot.token?.keys ?? [])
  const seen = new Set<string>()
  // Twice the same label and public key is one key for whoever chooses it.
  return keys.flatMap((key) => {
    const ref = `${place.ref} ${keyName(key)}`
    if (seen.has(ref)) return []
    seen.add(ref)
    return [{ ref, place, key }]
  })
}

export function findKey(ref: string, inventory: Inventory): PlacedKey | undefined {
  return placesOf(inventory)
    .flatMap((place) => keysAt(place, inventory))
    .find((placed) => placed.ref === ref)
}

export function findPlace(ref: string, inventory: Inventory): Place | undefined {
  return placesOf(inventory).find((place) => place.ref === ref)
}

/**
 * The setting that names a key. By token label where there is one and no other token of the module shares it: slot numbers
 * change when a token is plugged in elsewhere.
 */
export function identityOf(place: Place, label: string): IdentitySetting {
  if (place.kind === 'vault') return { kind: 'vault' }
  const { path, libraryParameters } = place.module.setting
  const parameters = libraryParameters === undefined ? {} : { libraryParameters }
  return { kind: 'pkcs11', module: path, ...parameters, label, where: whereOf(place) }
}

export function whereOf({ module, slot }: Extract<Place, { kind: 'slot' }>): { slot: number } | { token: string } {
  const label = slot.token?.label ?? ''
  const namesakes = (module.facts?.slots ?? []).filter(({ token }) => token?.label === label)
  return label !== '' && namesakes.length === 1 ? { token: label } : { slot: slot.slot }
}

/** As it is written in the settings. */
export function settingValue(identity: IdentitySetting): unknown {
  if (identity.kind === 'vault') return 'vault'
  const { kind: _, where, ...rest } = identity
  return { ...rest, ...where }
}

export function isIdentity({ place, key }: PlacedKey, identity: IdentitySetting, vaultLabel: string): boolean {
  if (identity.kind === 'vault') return place.kind === 'vault' && key.label === vaultLabel
  if (place.kind === 'vault' || key.label !== identity.label) return false
  const { path, libraryParameters } = place.module.setting
  const { where } = identity
  const here = 'slot' in where ? place.slot.slot === where.slot : place.slot.token?.label === where.token
  return here && path === identity.module && libraryParameters === identity.libraryParameters
}

/** One line for people. */
export function placeText(place: Place): string {
  if (place.kind === 'vault') return t('the embedded vault')
  const { slot, module } = place
  return t`${iconless(slot.token?.label || slot.description || module.name)}, slot ${slot.slot}`
}

/** The same where tokens of two modules can have one name: in a list, and before something is destroyed. */
export function placeRow(place: Place): string {
  return place.kind === 'vault' ? t('the embedded vault') : `${place.module.name} · ${placeText(place)}`
}
