import type { InventoryToken } from '../../contracts/inventory.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence, t } from '../../support/l10n.ts'
import { iconless } from '../../support/printable.ts'
import { CUSTODY_WORD, PIN_WORD } from '../words.ts'
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
  readonly none: Sentence
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
    if (named?.kind !== 'slot') throw gone(said('This slot is not listed any more. Look at the modules again.'))
    return named
  }
  const found = await look(ports)
  const slots = placesOf(found).filter((place): place is Slot => place.kind === 'slot' && wanted.fits(place))
  if (slots.length === 0) throw new CountersignError('token-missing', wanted.none)
  const { title, placeHolder } = wanted
  return (await pickOne(slots.map(slotRow), { title: t`Countersign: ${title}`, placeHolder, matchOnDetail: true }))
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
    if (named === undefined) throw gone(said('This key is not listed any more. Look at the modules again.'))
    return named
  }
  const found = await look(ports)
  const keys = placesOf(found)
    .flatMap((place) => keysAt(place, found))
    .filter(wanted.fits)
  if (keys.length === 0) throw new CountersignError('key-missing', wanted.none)
  const { title, placeHolder } = wanted
  return (await pickOne(keys.map(keyRow), { title: t`Countersign: ${title}`, placeHolder, matchOnDetail: true }))
    ?.placed
}

async function look({ inventory }: SlotPorts): Promise<Inventory> {
  return await withProgress(t('Looking at the modules'), () => inventory.refresh())
}

function slotRow(place: Slot) {
  const { token, slot, reason } = place.slot
  const label = token === undefined ? t`slot ${slot}` : token.label || token.model || t`slot ${slot}`
  return {
    label: `$(${token?.pin === 'unlocked' ? 'countersign-ready' : 'countersign-locked'}) ${iconless(label)}`,
    description: token === undefined ? t('empty') : pinWords(token),
    detail: t`${place.module.name}, slot ${slot} · ${reason}`,
    place,
  }
}

function keyRow(placed: PlacedKey) {
  const { label, algorithm, custody } = placed.key
  return {
    label: `$(countersign-${custody}) ${iconless(label)}`,
    description: algorithm,
    detail: `${CUSTODY_WORD[custody]} · ${placeRow(placed.place)}`,
    placed,
  }
}

function pinWords({ pin }: InventoryToken): string {
  return PIN_WORD[pin]
}

function gone(sentence: Sentence): CountersignError {
  return new CountersignError('usage', sentence)
}
