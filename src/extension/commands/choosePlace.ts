import type { InventoryToken } from '../../contracts/inventory.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'
import type { Inventory } from '../identity/inventoryService.ts'
import { findKey, findPlace, keysAt, type Place, type PlacedKey, placeRow, placesOf } from '../identity/keyPlaces.ts'
import { withProgress } from '../progress.ts'
import { pickOne } from './pickOne.ts'
import type { SlotPorts } from './slotPorts.ts'

export type Slot = Extract<Place, { kind: 'slot' }>

interface Wanted<T> {
  readonly title: string
  readonly placeHolder: string
  readonly fits: (candidate: T) => boolean
  /** What to say where nothing fits. */
  readonly none: string
}

/**
 * A slot: the one that the panel or the tree names, or one of those that fit. Undefined: the person closed the list.
 * @throws CountersignError `usage` for a ref that is gone, `token-missing` where none fits
 */
export async function chooseSlot(
  ports: SlotPorts,
  ref: string | undefined,
  wanted: Wanted<Slot>,
): Promise<Slot | undefined> {
  if (ref !== undefined) {
    const named = findPlace(ref, ports.inventory.inventory)
    if (named?.kind !== 'slot') throw gone(said('slot'))
    return named
  }
  const found = await look(ports)
  const slots = placesOf(found).filter((place): place is Slot => place.kind === 'slot' && wanted.fits(place))
  if (slots.length === 0) throw new CountersignError('token-missing', wanted.none)
  const { title, placeHolder } = wanted
  return (await pickOne(slots.map(slotRow), { title: `Countersign: ${title}`, placeHolder, matchOnDetail: true }))
    ?.place
}

/**
 * A key: the one that the panel or the tree names, or one of those that fit. Undefined: the person closed the list.
 * @throws CountersignError `usage` for a ref that is gone, `key-missing` where none fits
 */
export async function chooseKey(
  ports: SlotPorts,
  ref: string | undefined,
  wanted: Wanted<PlacedKey>,
): Promise<PlacedKey | undefined> {
  if (ref !== undefined) {
    const named = findKey(ref, ports.inventory.inventory)
    if (named === undefined) throw gone(said('key'))
    return named
  }
  const found = await look(ports)
  const keys = placesOf(found)
    .flatMap((place) => keysAt(place, found))
    .filter(wanted.fits)
  if (keys.length === 0) throw new CountersignError('key-missing', wanted.none)
  const { title, placeHolder } = wanted
  return (await pickOne(keys.map(keyRow), { title: `Countersign: ${title}`, placeHolder, matchOnDetail: true }))?.placed
}

async function look({ inventory }: SlotPorts): Promise<Inventory> {
  return await withProgress('Looking at the modules', () => inventory.refresh())
}

function slotRow(place: Slot) {
  const { token, slot, reason } = place.slot
  const label = token === undefined ? `slot ${slot}` : token.label || token.model || `slot ${slot}`
  return {
    label: `$(${token?.pin === 'unlocked' ? 'countersign-ready' : 'countersign-locked'}) ${label}`,
    description: token === undefined ? 'empty' : pinWords(token),
    detail: `${place.module.name}, slot ${slot} · ${reason}`,
    place,
  }
}

function keyRow(placed: PlacedKey) {
  const { label, algorithm, custody } = placed.key
  return {
    label: `$(countersign-${custody}) ${label}`,
    description: algorithm,
    detail: `${custody} · ${placeRow(placed.place)}`,
    placed,
  }
}

const PIN_WORDS: Record<InventoryToken['pin'], string> = {
  unlocked: 'unlocked',
  wanted: 'PIN wanted',
  'last try': 'last try',
  locked: 'PIN locked',
  'to be changed': 'PIN to be changed',
  'not set': 'no PIN set',
  none: 'no PIN needed',
}

function pinWords({ pin }: InventoryToken): string {
  return PIN_WORDS[pin]
}

function gone(what: Sentence): CountersignError {
  return new CountersignError('usage', said`This ${what} is not listed any more. Look at the modules again.`)
}
