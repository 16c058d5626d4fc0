import { placeText } from '../../identity/keyPlaces.ts'
import { chooseSlot } from '../choosePlace.ts'
import { type SlotPorts, tokenPlaceOf } from '../slotPorts.ts'
import { said, t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/** *Change PIN…*: the user's PIN, by the old one. */
export async function changePin(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Change PIN'),
    placeHolder: t('Choose the token whose PIN you want to change'),
    fits: ({ slot }) => slot.token !== undefined && slot.token.initialised && slot.token.pin !== 'none',
    none: said('No token was found that has a PIN. Insert one, or add its module.'),
  })
  if (place === undefined) return
  const name = placeText(place)
  if (!(await ports.pins.change(tokenPlaceOf(place), name))) return
  void ports.inventory.refresh()
  void notify.info(t`The PIN of ${name} was changed.`)
}
