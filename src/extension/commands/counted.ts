import { t } from '../../support/l10n.ts'

/** "no context", "1 context", "2 contexts". */
export function contexts(count: number): string {
  return count === 0 ? t('no context') : count === 1 ? t('1 context') : t`${count} contexts`
}

export function keys(count: number): string {
  return count === 0 ? t('no key') : count === 1 ? t('1 key') : t`${count} keys`
}

export function slots(count: number): string {
  return count === 0 ? t('no slot') : count === 1 ? t('1 slot') : t`${count} slots`
}

export function tokens(count: number): string {
  return count === 0 ? t('no token') : count === 1 ? t('1 token') : t`${count} tokens`
}
