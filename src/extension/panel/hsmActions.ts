import type { InventorySlot } from '../../contracts/inventory.ts'
import type { KeyAction, PanelHsmLife, SlotAction } from '../../contracts/panelHsm.ts'
import type { PlacedKey } from '../identity/keyPlaces.ts'

/** What can be done with a slot as it is now. The commands check again: this decides what is offered, not what is allowed. */
export function slotActionsOf({ token }: InventorySlot): SlotAction[] {
  if (token === undefined) return []
  const { pin, can, canCreate, initialised } = token
  const mlDsa = can.some((ability) => ability.startsWith('ML-DSA'))
  const open = pin === 'unlocked' || pin === 'none'
  const typed = pin === 'wanted' || pin === 'last try' || pin === 'to be changed'
  const offered: readonly (readonly [SlotAction, boolean])[] = [
    ['unlock', initialised && typed],
    ['createKey', initialised && canCreate],
    ['probe', initialised && mlDsa && (open || typed)],
    ['lock', pin === 'unlocked'],
    ['changePin', initialised && (pin === 'unlocked' || typed)],
    ['resetPin', initialised && pin !== 'none'],
    ['initialise', true],
  ]
  return offered.filter(([, makesSense]) => makesSense).map(([action]) => action)
}

/**
 * A key whose life is over signs nothing more, but can still be revoked, destroyed and looked at.
 * @param identity it signs the next context: gateways know no other, so only this one can be rotated, also to go on with that
 */
export function keyActionsOf({ key }: PlacedKey, life: PanelHsmLife | undefined, identity: boolean): KeyAction[] {
  const state = life?.state ?? 'active'
  const signs = key.notReady === undefined
  const inForce = state === 'active' || state === 'retiring'
  const offered: readonly (readonly [KeyAction, boolean])[] = [
    ['rotate', signs && identity && inForce],
    ['retire', signs && inForce],
    ['revoke', signs && state !== 'revoked'],
    ['destroy', true],
    ['copyJwk', true],
    ['copyPem', true],
    ['copyWords', true],
  ]
  return offered.filter(([, makesSense]) => makesSense).map(([action]) => action)
}
