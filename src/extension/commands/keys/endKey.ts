import { env, window } from 'vscode'
import { fingerprintWords } from '../../../crypto/fingerprint.ts'
import { isSignatureAlgorithm } from '../../../crypto/signature.ts'
import { DEFAULT_LABEL } from '../../../keys/signer.ts'
import { lifeState, type LifeState } from '../../../trust/keyRing.ts'
import { isIdentity, type PlacedKey } from '../../identity/keyPlaces.ts'
import { withProgress } from '../../progress.ts'
import { chooseKey } from '../choosePlace.ts'
import { ownKeyOf } from '../slotPorts.ts'
import { type KeyUse, retireWarning, revokeWarning } from './consequences.ts'
import type { KeyPorts } from './keyPorts.ts'
import { said, t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/** *Retire Key…*: it signs nothing more; what it signed stays good. */
export async function retireKey(ports: KeyPorts, ref?: string): Promise<void> {
  const placed = await choose(ports, ref, 'retire', ['planned', 'active', 'retiring'])
  if (placed === undefined) return
  const { label } = placed.key
  const detail = retireWarning(await useOf(ports, placed))
  if ((await window.showWarningMessage(t`Retire ${label}?`, { modal: true, detail }, t('Retire'))) === undefined) return
  await end(ports, placed, (kid) => ports.ring.retire(kid))
  void notify.info(t`${label} is retired and signs nothing more. What it signed still verifies.`)
}

/** *Revoke Key…*: somebody else may have it. */
export async function revokeKey(ports: KeyPorts, ref?: string): Promise<void> {
  const placed = await choose(ports, ref, 'revoke', ['planned', 'active', 'retiring', 'retired'])
  if (placed === undefined) return
  const { label, kid } = placed.key
  const words = fingerprintWords({ kid }).join(' ')
  const detail = `${words}\n\n${revokeWarning(await useOf(ports, placed))}`
  if ((await window.showWarningMessage(t`Revoke ${label}?`, { modal: true, detail }, t('Revoke'))) === undefined) return
  await end(ports, placed, (name) => ports.ring.revoke(name))
  const revoked = t`${label} is revoked and signs nothing more. Tell the operators of your gateways to mark its kid as revoked.`
  void notify.warn(revoked, t('Copy Kid')).then((choice) => {
    if (choice !== undefined) void env.clipboard.writeText(kid)
  })
}

async function choose(
  ports: KeyPorts,
  ref: string | undefined,
  what: 'retire' | 'revoke',
  states: readonly LifeState[],
) {
  const lives = new Map((await ports.ring.list()).map((life) => [life.kid, lifeState(life, Date.now())]))
  return await chooseKey(ports, ref, {
    title: what === 'retire' ? t('Retire Key') : t('Revoke Key'),
    placeHolder: t('Choose the key'),
    fits: ({ key }) => isSignatureAlgorithm(key.algorithm) && states.includes(lives.get(key.kid) ?? 'active'),
    none:
      what === 'retire'
        ? said('No key was found that could be retired. Insert its token, or unlock it.')
        : said('No key was found that could be revoked. Insert its token, or unlock it.'),
  })
}

/** What depends on a key, as far as this editor knows. */
export async function useOf({ configuration, gateways, ring }: KeyPorts, placed: PlacedKey): Promise<KeyUse> {
  const { label, kid } = placed.key
  const lives = await ring.list()
  const life = lives.find((one) => one.kid === kid)
  const successor = lives.find((one) => one.kid === life?.successor)?.label
  return {
    label,
    identity: isIdentity(placed, configuration.current.identity, DEFAULT_LABEL),
    gateways: gateways.all().map(({ setting }) => setting.name),
    ...(successor === undefined ? {} : { successor }),
  }
}

/** Ends the sessions that the key signs for, with its goodbye, then its life. */
async function end(ports: KeyPorts, placed: PlacedKey, how: (kid: string) => Promise<void>): Promise<void> {
  const { ring, inventory } = ports
  const own = ownKeyOf(placed)
  await ring.adopt(own)
  await endSessionsOf(ports, own.kid)
  await how(own.kid)
  ports.log.log('info', 'the life of a key was ended', { key: own.label })
  void inventory.refresh()
}

/** The goodbyes are signed by the key that is about to go. */
export async function endSessionsOf({ identity, gateways }: KeyPorts, kid: string): Promise<void> {
  const open = 'identity' in identity.state ? identity.state.identity : undefined
  if (open === undefined || open.signer.kid !== kid) return
  await withProgress(t('Ending the sessions of this key'), () => gateways.closeAll(), 'whole')
  identity.release()
}
