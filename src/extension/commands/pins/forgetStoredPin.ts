import { placesOf, placeText } from '../../identity/keyPlaces.ts'
import { tokenName } from '../../identity/namedKey.ts'
import type { TokenPlace } from '../../secretStore.ts'
import { pickOne } from '../pickOne.ts'
import { type SlotPorts, tokenPlaceOf } from '../slotPorts.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/** *Forget Stored PIN…*: of the tokens that are known now. It needs no module to be loaded: a stored PIN outlives its module. */
export async function forgetStoredPin(ports: SlotPorts): Promise<void> {
  const { configuration, inventory, secrets } = ports
  const { identity } = configuration.current
  const known = new Map<string, TokenPlace & { readonly name: string }>()
  for (const token of await secrets.tokensWithPin())
    known.set(JSON.stringify(token), { ...token, name: tokenName(token) })
  for (const place of placesOf(inventory.inventory)) {
    if (place.kind !== 'slot') continue
    const token = tokenPlaceOf(place)
    const name = JSON.stringify(token)
    if (known.has(name)) known.set(name, { ...token, name: placeText(place) })
  }
  if (known.size === 0) {
    void notify.info(t('Countersign: no PIN is stored.'))
    return
  }
  const picked = await pickOne(
    [...known.values()].map((token) => ({
      label: `$(key) ${token.name}`,
      description: identity.kind === 'pkcs11' && identity.module === token.module ? t('module of the identity') : '',
      detail: token.module,
      token,
    })),
    { title: t('Countersign: Forget Stored PIN'), placeHolder: t('Choose the token whose PIN is to be forgotten') },
  )
  if (picked === undefined) return
  await secrets.deletePin(picked.token)
  void notify.info(
    t`The PIN of ${picked.token.name} is not stored any more. Its login lasts until it is locked; after that you are asked.`,
  )
}
