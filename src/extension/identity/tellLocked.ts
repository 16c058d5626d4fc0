import type { OpenIdentity, SigningIdentity } from './signingIdentity.ts'
import { t } from '../../support/l10n.ts'
import { notify } from '../notify.ts'

/** The token was locked while its key was in use: nothing can be signed before somebody enters the PIN. */
export async function tellLocked({ place }: OpenIdentity, identity: SigningIdentity): Promise<void> {
  const sentence = t`${place} is locked. Nothing can be signed, so nothing is sent.`
  if ((await notify.warn(sentence, t('Enter PIN'))) !== undefined) await identity.unlock()
}
