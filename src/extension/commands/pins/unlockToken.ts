import { window } from 'vscode'
import { placeText } from '../../identity/keyPlaces.ts'
import { chooseSlot } from '../choosePlace.ts'
import { type SlotPorts, unlock } from '../slotPorts.ts'
import { said, t } from '../../../support/l10n.ts'

/** *Unlock Token…*: its keys can be listed and used from then on. */
export async function unlockToken(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Unlock Token'),
    placeHolder: t('Choose the token to log in to'),
    fits: ({ slot }) => slot.token !== undefined && slot.token.initialised && slot.token.pin !== 'none',
    none: said('No token was found that asks for a PIN. Insert one, or add its module.'),
  })
  if (place === undefined) return
  if (place.slot.token?.pin === 'unlocked' && ref === undefined) {
    void window.setStatusBarMessage(t`$(countersign-ready) ${placeText(place)} is unlocked already`, 10_000)
    return
  }
  if (!(await unlock(ports, place))) return
  ports.identity.unlocked()
  await ports.inventory.refresh()
  void window.setStatusBarMessage(t`$(countersign-ready) ${placeText(place)} is unlocked`, 10_000)
}
