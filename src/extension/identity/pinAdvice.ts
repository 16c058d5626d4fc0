import type { TokenState } from './tokenState.ts'
import { said, type Sentence, t } from '../../support/l10n.ts'

/** What a person hears before a PIN is tried: a refusal, a question with what is at stake, or nothing. */
export type PinAdvice =
  | { readonly kind: 'go' }
  | { readonly kind: 'refuse'; readonly sentence: Sentence }
  | { readonly kind: 'warn'; readonly message: string; readonly detail: string }

const GO: PinAdvice = { kind: 'go' }
const ONLY_OFFICER = said('Only its security officer can set a new PIN (Reset PIN…).')

/** Before the user's PIN: to unlock, to change it. A token that is locked is not tried. */
export function beforeUserPin(name: string, { pin, keys }: TokenState): PinAdvice {
  if (pin === 'locked') {
    return { kind: 'refuse', sentence: said`The PIN of ${name} is locked; nothing was tried. ${ONLY_OFFICER}` }
  }
  if (pin === 'not set')
    return { kind: 'refuse', sentence: said`${name} has no PIN yet; nothing was tried. ${ONLY_OFFICER}` }
  if (pin !== 'last try') return GO
  const message = t`Last try: one more wrong PIN locks ${name}.`
  const detail = `${atStake(keys)}\n\n${t('Once it is locked, only its security officer can set a new PIN. Some tokens offer no way at all.')}`
  return { kind: 'warn', message, detail }
}

/** Before the security officer's PIN: a token whose officer is locked out is lost for good, with its keys. */
export function beforeOfficerPin(name: string, { officer, keys }: TokenState): PinAdvice {
  if (officer === 'locked') {
    return {
      kind: 'refuse',
      sentence: said`The security officer's PIN of ${name} is locked; nothing was tried. Only the tools of its vendor can help now.`,
    }
  }
  if (officer !== 'last try') return GO
  const message = t`Last try: one more wrong PIN locks the security officer out of ${name}.`
  const detail = `${atStake(keys)}\n\n${t('Nobody can set its PIN or initialise it after that, other than with the tools of its vendor.')}`
  return { kind: 'warn', message, detail }
}

function atStake(keys: readonly string[]): string {
  if (keys.length === 0) return t('No key can be seen in it now; it may hold some that only show after the login.')
  return t`Its keys sign nothing while it is locked: ${listed(keys)}.`
}

const SHOWN = 12

/** Names for a dialog, which cannot be scrolled. */
export function listed(names: readonly string[]): string {
  const rest = names.length - SHOWN
  return rest > 0 ? t`${names.slice(0, SHOWN).join(', ')} and ${rest} more` : names.join(', ')
}
