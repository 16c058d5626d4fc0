import { QuickPickItemKind, type QuickPickItem } from 'vscode'
import { isSignatureAlgorithm } from '../../../../crypto/signature.ts'
import { CountersignError } from '../../../../support/errors.ts'
import { said, t } from '../../../../support/l10n.ts'
import { iconless } from '../../../../support/printable.ts'
import { lifeState } from '../../../../trust/keyRing.ts'
import { keysAt, type PlacedKey, placeRow, placesOf, placeText } from '../../../identity/keyPlaces.ts'
import type { Slot } from '../../choosePlace.ts'
import { pickOne } from '../../pickOne.ts'
import { createKeyIn } from '../createKey.ts'
import type { KeyPorts } from '../keyPorts.ts'

interface Row extends QuickPickItem {
  readonly key?: PlacedKey
  readonly make?: Slot
}

/** The key that is to follow: one that is there, or one that is made now. Undefined: the person closed the list. */
export async function chooseNext(ports: KeyPorts, old: PlacedKey): Promise<PlacedKey | undefined> {
  const found = ports.inventory.inventory
  const over = new Set<string>()
  for (const life of await ports.ring.list()) {
    const state = lifeState(life, Date.now())
    if (state !== 'planned' && state !== 'active') over.add(life.kid)
  }
  const places = placesOf(found)
  const keys = places
    .flatMap((place) => keysAt(place, found))
    .filter(({ key }) => key.kid !== old.key.kid && !over.has(key.kid))
    .filter(({ key }) => isSignatureAlgorithm(key.algorithm))
  const slots = places.filter((place): place is Slot => place.kind === 'slot' && place.slot.token?.canCreate === true)
  const rows: Row[] = [
    ...keys.map((key) => ({
      label: `$(countersign-${key.key.custody}) ${iconless(key.key.label)}`,
      description: key.key.algorithm,
      detail: `${key.key.custody} · ${placeRow(key.place)}`,
      key,
    })),
    { label: t('Make the next key'), kind: QuickPickItemKind.Separator },
    ...slots.map((make) => ({
      label: t`$(add) In ${placeText(make)}…`,
      detail: `${make.module.name} · ${make.slot.reason}`,
      make,
    })),
  ]
  if (keys.length === 0 && slots.length === 0) {
    throw new CountersignError(
      'key-missing',
      'There is no other key, and no token in which one can be made. Add a module.',
    )
  }
  const picked = await pickOne(rows, {
    title: t`Countersign: Rotate ${old.key.label}`,
    placeHolder: t('Choose the key that is to follow it'),
    matchOnDetail: true,
  })
  if (picked?.make === undefined) return picked?.key
  const made = await createKeyIn(ports, picked.make)
  if (made === undefined) return undefined
  const again = await ports.inventory.refresh()
  const key = placesOf(again)
    .flatMap((place) => keysAt(place, again))
    .find((placed) => made.key !== undefined && placed.key.kid === made.key.kid)
  if (key !== undefined) return key
  throw new CountersignError(
    'algorithm-unsupported',
    said`${made.label} was made, and it cannot be an identity: choose ML-DSA-87.`,
  )
}
