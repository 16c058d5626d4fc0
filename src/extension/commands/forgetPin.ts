import { window } from 'vscode'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import type { GatewayPins } from '../../trust/gatewayPins.ts'
import type { Gateway, Gateways } from '../sessions/gatewayLink.ts'
import { addressOf } from '../sessions/address.ts'
import { pickOne } from './pickOne.ts'
import { locale, t } from '../../support/l10n.ts'
import { notify } from '../notify.ts'

export interface ForgetPinPorts {
  readonly pins: GatewayPins
  readonly gateways: Gateways
  readonly forgotten: () => void
}

/** *Forget Gateway Pin…*: the next connection asks about that gateway's key as if it was never seen. */
export async function forgetPin(ports: ForgetPinPorts, address?: string): Promise<void> {
  const pins = (await ports.pins.list()).flatMap((pin) =>
    pin.address === undefined ? [] : [{ ...pin, address: pin.address }],
  )
  if (pins.length === 0) {
    void notify.info(t('Countersign: no gateway is pinned on first use.'))
    return
  }
  const named = pins.find((pin) => pin.address === address)
  const picked =
    named ??
    (await pickOne(
      pins.map((pin) => ({
        ...pin,
        label: `$(pinned) ${pin.name || pin.address}`,
        description: pin.address,
        detail: t`${fingerprintWords(pin).join(' ')} · since ${new Date(pin.since).toLocaleString(locale())}`,
      })),
      {
        title: t('Countersign: Forget Gateway Pin'),
        placeHolder: t('Choose the gateway whose key is to be forgotten'),
      },
    ))
  if (picked === undefined || !(await confirmed(picked))) return
  await ports.pins.forget(picked.address)
  await Promise.all(usersOf(ports.gateways, picked.address).map((gateway) => gateway.close()))
  ports.forgotten()
}

async function confirmed({ address, kid }: { readonly address: string; readonly kid: string }): Promise<boolean> {
  const detail = [
    `${address}\n${fingerprintWords({ kid }).join('  ')}\nkid ${kid}`,
    t(
      'Only do this if its operator told you that the key was replaced. The session with it ends, and you are asked about its key when you connect again.',
    ),
  ].join('\n\n')
  const choice = await window.showWarningMessage(
    t('Forget the key of this gateway?'),
    { modal: true, detail },
    t('Forget Pin'),
  )
  return choice !== undefined
}

function usersOf(gateways: Gateways, address: string): readonly Gateway[] {
  return gateways.all().filter(({ setting }) => addressOf(setting) === address)
}
