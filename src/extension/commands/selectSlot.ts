import { QuickPickItemKind, type QuickPickItem, window } from 'vscode'
import type { IdentitySetting } from '../../contracts/settings.ts'
import { openTokenSigner } from '../../keys/hsm/signer.ts'
import { toCountersignError, unreachable } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import {
  findKey,
  identityOf,
  type Place,
  type PlacedKey,
  placeText,
  settingValue,
  whereOf,
} from '../identity/keyPlaces.ts'
import { assertUsable } from '../../trust/keyRing.ts'
import { type SlotChoice, slotChoices } from '../identity/slotChoices.ts'
import { addModule } from './modules/addModule.ts'
import { createKeyIn } from './keys/createKey.ts'
import { pickOne } from './pickOne.ts'
import { withProgress } from '../progress.ts'
import { type SlotPorts, unlock } from './slotPorts.ts'
import { notify } from '../notify.ts'

interface Row extends QuickPickItem {
  readonly choice?: SlotChoice
}

/** *Select HSM Slot…*: over modules, slots and keys, with what each can do. It ends with a key chosen, or with nothing done. */
export async function selectSlot(ports: SlotPorts): Promise<void> {
  for (;;) {
    const { configuration, inventory } = ports
    const found = await withProgress(t('Looking for keys'), () => inventory.refresh())
    const groups = slotChoices(found, configuration.current.identity)
    const rows: Row[] = groups.flatMap(({ title, rows }) => [
      { label: title, kind: QuickPickItemKind.Separator },
      ...rows,
    ])
    const picked = await pickOne(rows, {
      title: t('Countersign: Select HSM Slot'),
      placeHolder: t('Choose the key that signs your contexts'),
      matchOnDescription: true,
      matchOnDetail: true,
    })
    if (picked?.choice === undefined || (await act(ports, picked.choice))) return
  }
}

/** By a ref of the inventory that the panel shows. */
export async function selectKey(ports: SlotPorts, ref: string): Promise<void> {
  const placed = findKey(ref, ports.inventory.inventory) ?? findKey(ref, await ports.inventory.refresh())
  if (placed !== undefined) await use(ports, placed)
}

/** True: that was it; false: the list has changed and is shown again. */
async function act(ports: SlotPorts, choice: SlotChoice): Promise<boolean> {
  switch (choice.act) {
    case 'use':
      await use(ports, choice.key)
      return true
    case 'vault':
      await settle(ports, { kind: 'vault' }, t('The embedded vault signs the next context (software).'))
      return true
    case 'unlock':
      return !(await unlock(ports, choice.place))
    case 'create': {
      const made = await createKeyIn(ports, choice.place)
      if (made?.key === undefined) return false
      const identity = identityOf(choice.place, made.label)
      await settle(ports, identity, t`${made.label} in ${placeText(choice.place)} signs the next context.`)
      return true
    }
    case 'explain':
      await window.showWarningMessage(choice.sentence, { modal: true })
      return false
    case 'addModule':
      return !(await addModule(ports.configuration))
    default:
      return unreachable(choice)
  }
}

/** The key is opened before the setting is written: a choice that does not work changes nothing. */
async function use(ports: SlotPorts, { place, key }: PlacedKey): Promise<void> {
  const identity = identityOf(place, key.label)
  const life = await ports.ring.find(key.kid)
  // One that is planned comes into force by being chosen; one whose life is over does not come back.
  if (life?.active !== undefined || life?.planned === undefined) assertUsable(life, Date.now())
  if (place.kind === 'slot') await openOnce(ports, place, key.label)
  const where = placeText(place)
  await settle(ports, identity, t`${key.label} in ${where} signs the next context (${key.custody}).`)
}

async function openOnce(ports: SlotPorts, place: Extract<Place, { kind: 'slot' }>, label: string): Promise<void> {
  const keyProcess = ports.processes.module(place.module.setting)
  const open = () => openTokenSigner({ keyProcess, where: whereOf(place), label, log: ports.log })
  try {
    await open()
  } catch (thrown) {
    const error = toCountersignError(thrown)
    if (error.code !== 'pin-needed' || !(await unlock(ports, place))) throw error
    await open()
  }
}

async function settle(ports: SlotPorts, chosen: IdentitySetting, done: string): Promise<void> {
  await ports.configuration.write('countersign.identity', settingValue(chosen))
  // The same key as before, which is unlocked now, changes no setting.
  ports.identity.unlocked()
  void notify.info(done)
}
