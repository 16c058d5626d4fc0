import { window } from 'vscode'
import { isSignatureAlgorithm } from '../../../crypto/signature.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { lifeState } from '../../../trust/keyRing.ts'
import { type PlacedKey, placeRow, placeText, whereOf } from '../../identity/keyPlaces.ts'
import { withProgress } from '../../progress.ts'
import { chooseKey } from '../choosePlace.ts'
import { ownKeyOf, unlock } from '../slotPorts.ts'
import { typedConfirmation } from '../typedConfirmation.ts'
import { destroyWarning } from './consequences.ts'
import { endSessionsOf, useOf } from './endKey.ts'
import type { KeyPorts } from './keyPorts.ts'
import { notify } from '../../notify.ts'

/** *Destroy Key…*: the key pair in its token or the vault, after its label was typed. The key ring keeps its dates and its public key. */
export async function destroyKey(ports: KeyPorts, ref?: string): Promise<void> {
  const placed = await chooseKey(ports, ref, {
    title: t('Destroy Key'),
    placeHolder: t('Choose the key to destroy. Nobody can bring it back.'),
    fits: () => true,
    none: said('No key was found in any token, nor in the vault. Insert the token, or unlock it.'),
  })
  if (placed === undefined) return
  const { label } = placed.key
  const place = placeText(placed.place)
  const where = { place: placeRow(placed.place), vault: placed.place.kind === 'vault' }
  const detail = destroyWarning({ ...(await useOf(ports, placed)), ...where })
  const agreed = await window.showWarningMessage(
    t`Destroy ${label} in ${place}?`,
    { modal: true, detail },
    t('Continue'),
  )
  const words = { prompt: t`Type ${label} to destroy it.`, hint: t('Close the box if you do not want to destroy it.') }
  if (agreed === undefined || !(await typedConfirmation(t`Destroy ${label} in ${place}`, words, label))) return
  if (!(await destroy(ports, placed))) return
  await ports.inventory.refresh()
  void notify.info(t`${label} was destroyed in ${place}. What it signed still verifies.`)
}

/** False: the person closed the PIN box. */
async function destroy(ports: KeyPorts, placed: PlacedKey): Promise<boolean> {
  const { place, key } = placed
  await endSessionsOf(ports, key.kid)
  const once = () => withProgress(t`Destroying ${key.label}`, () => destroyOnce(ports, placed), 'whole')
  try {
    await once()
  } catch (thrown) {
    if (toCountersignError(thrown).code !== 'pin-needed' || place.kind === 'vault') throw thrown
    if (!(await unlock(ports, place))) return false
    await once()
  }
  ports.log.log('info', 'a key was destroyed', { key: key.label, place: placeText(place) })
  await remember(ports, placed)
  return true
}

async function destroyOnce({ processes, vault }: KeyPorts, { place, key }: PlacedKey): Promise<void> {
  const { label, publicKey } = key
  if (place.kind === 'vault') await vault.destroy(key)
  else await processes.module(place.module.setting).call('destroy', { where: whereOf(place), label, publicKey })
}

/** A key that is gone signs nothing more: its window ends now. One that was never in force leaves the ring. */
async function remember({ ring }: KeyPorts, placed: PlacedKey): Promise<void> {
  if (!isSignatureAlgorithm(placed.key.algorithm)) return
  const own = ownKeyOf(placed)
  await ring.adopt(own)
  const life = await ring.find(own.kid)
  const state = life === undefined ? 'active' : lifeState(life, Date.now())
  if (state === 'planned') await ring.forget(own.kid)
  else if (state === 'active' || state === 'retiring') await ring.retire(own.kid)
}
