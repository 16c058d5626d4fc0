import { env, window } from 'vscode'
import { keyText } from '../../identity/keyText.ts'
import { chooseKey } from '../choosePlace.ts'
import { pickOne } from '../pickOne.ts'
import type { SlotPorts } from '../slotPorts.ts'
import { said, t } from '../../../support/l10n.ts'
import { iconless } from '../../../support/printable.ts'

type KeyForm = Parameters<typeof keyText>[1]

const FORMS: readonly { readonly form: KeyForm; readonly label: string; readonly detail: string }[] = [
  { form: 'kid', label: 'kid', detail: t('The name that gateways know it by (RFC 7638 thumbprint)') },
  { form: 'jwk', label: 'JWK', detail: t('JSON Web Key (RFC 9964)') },
  {
    form: 'pem',
    label: 'SPKI PEM',
    detail: t('SubjectPublicKeyInfo (RFC 9881), for other tools and certificate authorities'),
  },
  { form: 'words', label: t('Words'), detail: t('Six words to read out: the first 96 bits of the kid') },
]

/** *Copy Public Key…*: to the clipboard, in the form that the panel names or that is chosen. */
export async function copyPublicKey(ports: SlotPorts, ref?: string, form?: KeyForm): Promise<void> {
  const placed = await chooseKey(ports, ref, {
    title: t('Copy Public Key'),
    placeHolder: t('Choose the key'),
    fits: () => true,
    none: said('No ML-DSA key was found. Create Identity Key… makes one.'),
  })
  if (placed === undefined) return
  const { key } = placed
  const chosen =
    form ??
    (
      await pickOne(FORMS, {
        title: t`Countersign: Copy Public Key of ${key.label}`,
        placeHolder: t('Choose the form'),
      })
    )?.form
  if (chosen === undefined) return
  await env.clipboard.writeText(keyText(key, chosen))
  const name = FORMS.find((one) => one.form === chosen)?.label ?? chosen
  void window.setStatusBarMessage(
    t`$(check) The public key of ${iconless(key.label)} is on the clipboard as ${name}`,
    10_000,
  )
}
