import { DEFAULT_LABEL } from '../../../keys/signer.ts'
import { CountersignError } from '../../../support/errors.ts'
import { t } from '../../../support/l10n.ts'
import { findPlace, isIdentity, keysAt, placeText } from '../../identity/keyPlaces.ts'
import type { KeyProcesses } from '../../identity/keyProcesses.ts'
import type { PinDesk } from '../../identity/pinDesk.ts'
import type { SigningIdentity } from '../../identity/signingIdentity.ts'
import type { SlotPorts } from '../slotPorts.ts'
import { notify } from '../../notify.ts'

export interface LockPorts {
  readonly processes: KeyProcesses
  readonly identity: SigningIdentity
  readonly pins: PinDesk
  /** What is shown of tokens is not true any more. */
  readonly locked: () => void
}

/** *Lock Now*: every login ends, every key is closed, the vault as well. Stored PINs stay unused until somebody unlocks. */
export function lockNow(ports: LockPorts): void {
  ports.processes.lockAll()
  afterwards(ports, t('Everything is locked'))
}

/** After a time without use: tokens only. The vault asks nobody for anything, so locking it by itself would protect nothing. */
export function lockIdle(ports: LockPorts, minutes: number): void {
  ports.processes.lockTokens()
  afterwards(ports, t`All tokens were locked after ${minutes} minutes without use`, 'tokens')
}

/** One token: its login ends and its keys are closed. */
export async function lockSlot(ports: SlotPorts, locking: LockPorts, ref: string): Promise<void> {
  const place = findPlace(ref, ports.inventory.inventory)
  if (place?.kind !== 'slot') throw new CountersignError('usage', 'This slot is not listed any more.')
  const { slot, token } = place.slot
  // By both of its names: the identity may know it by the other one, and a stored PIN must not open it again.
  const label = token?.label ?? ''
  const places = [{ slot }, ...(label === '' ? [] : [{ token: label }])]
  await ports.processes.module(place.module.setting).lockToken(places)
  const { identity } = ports.configuration.current
  const signs = keysAt(place, ports.inventory.inventory).some((key) => isIdentity(key, identity, DEFAULT_LABEL))
  if (signs) return afterwards(locking, t`${placeText(place)} is locked`, 'tokens')
  await ports.inventory.refresh()
}

function afterwards({ identity, pins, locked }: LockPorts, what: string, only?: 'tokens'): void {
  pins.locked()
  const stopped = identity.lock(only)
  locked()
  if (!stopped) {
    void notify.info(`${what}.`)
    return
  }
  const sentence = t`${what}. Calls fail with a clear error until you unlock, and nothing is sent; sessions stay open.`
  void notify.warn(sentence, t('Unlock')).then(async (choice) => {
    if (choice !== undefined) await identity.unlock()
  })
}
