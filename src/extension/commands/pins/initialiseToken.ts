import { window } from 'vscode'
import { wipe } from '../../../crypto/random.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { placeRow, placeText } from '../../identity/keyPlaces.ts'
import { beforeOfficerPin } from '../../identity/pinAdvice.ts'
import type { TokenState } from '../../identity/tokenState.ts'
import { withProgress } from '../../progress.ts'
import { chooseSlot, type Slot } from '../choosePlace.ts'
import { type SlotPorts, tokenPlaceOf } from '../slotPorts.ts'
import { typedConfirmation } from '../typedConfirmation.ts'
import { initialiseWarning, tokenLabelProblem } from './initialiseWarning.ts'
import { askBoth } from './resetPin.ts'
import { notify } from '../../notify.ts'

/** *Initialise Token…*: destroys whatever the token holds, gives it a label, and a user PIN. */
export async function initialiseToken(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Initialise Token'),
    placeHolder: t('Choose the token to initialise. Whatever it holds is destroyed.'),
    fits: ({ slot }) => slot.token !== undefined,
    none: said('No token was found. Insert one, or add its module.'),
  })
  if (place === undefined) return
  const name = placeText(place)
  const token = { ...tokenPlaceOf(place), where: { slot: place.slot.slot } }
  const state = await ports.pins.mayTry(token, name, beforeOfficerPin)
  if (state === undefined || !(await confirmed(ports, place, name, state))) return
  const title = t`Initialise ${name}`
  const label = await window.showInputBox({
    title,
    prompt: t('Label of the token, as it is to be called from now on'),
    value: state.label,
    ignoreFocusOut: true,
    validateInput: tokenLabelProblem,
  })
  if (label === undefined) return
  const done = await initialise(ports, place, { title, label, keypad: state.keypad })
  if (!done) return
  await ports.inventory.refresh()
  const told = t`The token in slot ${place.slot.slot} was initialised as "${label}". It is empty, and its PIN is the one that you set.`
  void notify.info(told)
}

interface Chosen {
  readonly title: string
  readonly label: string
  readonly keypad: boolean
}

/** False: the person closed a box. */
async function initialise({ pins }: SlotPorts, place: Slot, { title, label, keypad }: Chosen): Promise<boolean> {
  const { slot } = place.slot
  const token = { ...tokenPlaceOf(place), where: { slot } }
  const name = placeText(place)
  for (;;) {
    const given = keypad ? { soPin: null, pin: null } : await askBoth(title)
    if (given === undefined) return false
    const work = (signal?: AbortSignal) => pins.process(token).initToken(slot, label, given.soPin, given.pin, signal)
    try {
      if (keypad) return await pins.onKeypad(token, name, work)
      // Not cancellable: what was begun is done, and half of it would be a token without a PIN.
      await withProgress(t`Initialising ${name}`, () => work(), 'whole')
      return true
    } catch (thrown) {
      await pins.tryAgain(name, toCountersignError(thrown))
      if ((await pins.mayTry(token, name, beforeOfficerPin)) === undefined) return false
    } finally {
      wipe(given.soPin, given.pin)
    }
  }
}

async function confirmed({ identity }: SlotPorts, place: Slot, name: string, state: TokenState): Promise<boolean> {
  const { token, slot } = place.slot
  const keys = [...new Set([...state.keys, ...(token?.keys ?? []).map(({ label }) => label)])]
  const open = 'identity' in identity.state ? identity.state.identity : undefined
  const signs = open !== undefined && keys.includes(open.label) && open.setting.kind === 'pkcs11'
  const which = state.serial === '' ? placeRow(place) : t`${placeRow(place)}, serial ${state.serial}`
  const { initialised } = state
  const detail = initialiseWarning({ which, keys, listed: token?.listed ?? false, initialised, signs })
  const message = state.initialised ? t`Destroy everything in ${name}?` : t`Initialise the empty token in slot ${slot}?`
  const choice = await window.showWarningMessage(message, { modal: true, detail }, t('Continue'))
  if (choice === undefined) return false
  const typed = state.label || t`slot ${slot}`
  const words = {
    prompt: t`Type ${typed} to destroy what is in it.`,
    hint: t('Close the box if you do not want to destroy what is in it.'),
  }
  return await typedConfirmation(t`Initialise ${name}`, words, typed)
}
