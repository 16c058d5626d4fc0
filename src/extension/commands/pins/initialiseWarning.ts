import { listed } from '../../identity/pinAdvice.ts'
import { t } from '../../../support/l10n.ts'

export interface Doomed {
  /** Which token that is, beyond doubt: module, label, slot, serial number. */
  readonly which: string
  /** Labels of the keys that can be seen. */
  readonly keys: readonly string[]
  /** Whether all of them can be seen. */
  readonly listed: boolean
  readonly initialised: boolean
  /** The key that signs now is among them, as far as its label says. */
  readonly signs: boolean
}

/** What a person reads before a token is initialised. It names what is lost, and what nobody can know. */
export function initialiseWarning({ which, keys, listed: all, initialised, signs }: Doomed): string {
  if (!initialised) {
    const nothing = t(
      'It was never initialised, so nothing is lost. The security officer’s PIN that you give becomes its SO PIN if it has none yet.',
    )
    return `${which}\n\n${nothing}`
  }
  const known =
    keys.length === 0 ? t('No ML-DSA key can be seen in it.') : t`Its ML-DSA keys are destroyed: ${listed(keys)}.`
  const unknown = all
    ? t('Other objects (certificates, RSA and ECC keys, data) are not listed here and are destroyed as well.')
    : t(
        'It is locked: there may be more keys than can be seen, and they are destroyed as well, with certificates and all other objects.',
      )
  const identity = signs
    ? [t('One of them is the key that signs your contexts now: nothing can be signed until you choose another.')]
    : []
  const lost = t('Nobody can bring them back. Evidence that they signed still verifies with their public keys.')
  return [which, known, unknown, ...identity, lost].join('\n\n')
}

/** CK_TOKEN_INFO.label has 32 bytes of UTF-8, padded with blanks. */
export function tokenLabelProblem(label: string): string | undefined {
  if (!/^[^\p{C}]+$/u.test(label) || label.trim() !== label)
    return t('A label has printable characters, and no blank at its ends.')
  return Buffer.byteLength(label) > 32 ? t('A label has at most 32 bytes.') : undefined
}
