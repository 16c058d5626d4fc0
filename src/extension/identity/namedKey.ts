import { basename } from 'node:path'
import type { Custody } from '../../contracts/custody.ts'
import type { IdentitySetting } from '../../contracts/settings.ts'
import { DEFAULT_LABEL } from '../../keys/signer.ts'
import type { Pkcs11Setting, SignerState } from './signingIdentity.ts'
import { t } from '../../support/l10n.ts'

/** The key that signs next, as far as it is known. Custody is told once the key was opened; the vault is always software. */
export interface NamedKey {
  readonly label: string
  readonly place: string
  readonly custody?: Custody
  readonly kid?: string
}

/** Undefined: there is no key yet, the vault makes one when it is first needed. */
export function namedKey(state: SignerState, setting: IdentitySetting, vaultMade: boolean): NamedKey | undefined {
  const open = 'identity' in state ? state.identity : undefined
  if (open !== undefined) {
    const { custody, kid } = open.signer
    return { label: open.label, place: open.place, custody, kid }
  }
  if (setting.kind === 'vault') {
    return vaultMade ? { label: DEFAULT_LABEL, place: t('the vault'), custody: 'software' } : undefined
  }
  return { label: setting.label, place: tokenName(setting) }
}

/** A token that was not opened yet, by what the settings say of it. */
export function tokenName({ where, module }: Pick<Pkcs11Setting, 'where' | 'module'>): string {
  return 'token' in where ? where.token : t`${basename(module)}, slot ${where.slot}`
}
