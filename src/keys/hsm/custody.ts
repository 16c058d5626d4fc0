import type { Custody } from '../../contracts/custody.ts'
import type { CustodyFacts } from '../../contracts/keyFacts.ts'
import { t } from '../../support/l10n.ts'

export interface CustodyVerdict {
  readonly custody: Custody
  /** Why not `hsm`, for people, most important first; empty for `hsm`. */
  readonly reasons: readonly string[]
}

/**
 * Who can be said to hold a key (docs/PROTOCOL.md, "Identity, pins, custody"). `hsm` needs a hardware slot, a sensitive
 * key that was never extractable and was generated inside, and a module that no profile knows as software. All of that is
 * the module's claim: the rule sorts claims, it proves nothing.
 */
export function custodyOf({ hardwareSlot, profile, software, claims }: CustodyFacts): CustodyVerdict {
  if (software) {
    const reason =
      profile === 'vault'
        ? t('the vault keeps its keys in a file')
        : t`${profile ?? t('the module')} is software, whatever it claims`
    return { custody: 'software', reasons: [reason] }
  }
  const reasons = [
    hardwareSlot ? undefined : t('the slot is not marked as hardware'),
    claims.sensitive === true
      ? undefined
      : claims.sensitive === false
        ? t('the module denies that the key is sensitive')
        : t('the module does not claim that the key is sensitive'),
    claims.neverExtractable === true
      ? undefined
      : claims.neverExtractable === false
        ? t('the module denies that the key was never extractable')
        : t('the module does not claim that the key was never extractable'),
    // Some modules report both; one that contradicts itself is not believed.
    claims.extractable === true ? t('the key is marked as extractable') : undefined,
    claims.local === true
      ? undefined
      : claims.local === false
        ? t('the module denies that the key was made inside')
        : t('the module does not claim that the key was made inside'),
  ].filter((reason) => reason !== undefined)
  return { custody: reasons.length === 0 ? 'hsm' : 'unknown', reasons }
}
