import { t } from '../../support/l10n.ts'
/** What is wrong with a typed confirmation; undefined: nothing. Exactly the name: not its case, not its first letters. */
export function confirmationProblem(typed: string, name: string, hint: string): string | undefined {
  if (name === '') return t('There is no name to confirm with.')
  return typed === name ? undefined : t`This is not ${name}: nothing is done. ${hint}`
}
