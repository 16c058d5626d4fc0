import { wipe } from '../../../crypto/random.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { placeText } from '../../identity/keyPlaces.ts'
import { beforeOfficerPin } from '../../identity/pinAdvice.ts'
import { askNewPin, askPin } from '../../identity/pinBox.ts'
import type { GivenPin } from '../../identity/pinDesk.ts'
import { withProgress } from '../../progress.ts'
import { chooseSlot } from '../choosePlace.ts'
import { type SlotPorts, tokenPlaceOf } from '../slotPorts.ts'
import { notify } from '../../notify.ts'

/** *Reset PIN…*: the security officer sets the user's PIN, one that is locked or was never set. Keys stay. */
export async function resetPin(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Reset PIN'),
    placeHolder: t('Choose the token whose PIN its security officer sets'),
    fits: ({ slot }) => slot.token !== undefined && slot.token.initialised && slot.token.pin !== 'none',
    none: said('No token was found whose PIN could be set. Insert one, or add its module.'),
  })
  if (place === undefined) return
  const name = placeText(place)
  const token = tokenPlaceOf(place)
  const { pins } = ports
  for (;;) {
    const state = await pins.mayTry(token, name, beforeOfficerPin)
    if (state === undefined) return
    const given = state.keypad ? { soPin: null, pin: null } : await askBoth(t`Reset PIN of ${name}`)
    if (given === undefined) return
    try {
      const work = (signal: AbortSignal) => pins.process(token).resetPin(token.where, given.soPin, given.pin, signal)
      if (!state.keypad) await withProgress(t`Setting the PIN of ${name}`, work)
      else if (!(await pins.onKeypad(token, name, work))) return
      break
    } catch (thrown) {
      await pins.tryAgain(name, toCountersignError(thrown))
    } finally {
      wipe(given.soPin, given.pin)
    }
  }
  void ports.inventory.refresh()
  void notify.info(t`The PIN of ${name} was set. Unlock the token with it; it may ask you to change it.`)
}

const USER_PIN = {
  once: t('New user PIN. The token decides how long it has to be.'),
  again: t('The new user PIN once more'),
}

/** Both for the caller to wipe. */
export async function askBoth(
  title: string,
): Promise<{ readonly soPin: GivenPin; readonly pin: GivenPin } | undefined> {
  const soPin = await askPin(title, t("The security officer's PIN (SO PIN)"), '1/3')
  if (soPin === undefined) return undefined
  const pin = await askNewPin(title, USER_PIN, ['2/3', '3/3'])
  if (pin !== undefined) return { soPin, pin }
  wipe(soPin)
  return undefined
}
