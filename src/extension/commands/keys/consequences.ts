import { t } from '../../../support/l10n.ts'
export interface KeyUse {
  readonly label: string
  /** It signs the next context. */
  readonly identity: boolean
  /** Names of the gateways of the settings. */
  readonly gateways: readonly string[]
  /** Label of the key that follows it, where a rotation was begun. */
  readonly successor?: string
}

/** What a person reads before a key is retired: what stops, and what does not. */
export function retireWarning(use: KeyUse): string {
  return [...stops(use), t('What it signed before still verifies. It cannot be put in force again.')].join('\n\n')
}

export function revokeWarning(use: KeyUse): string {
  return [
    t('Revoke a key when somebody else may have it. It is for ever.'),
    ...stops(use),
    t(
      'Wherever this revocation is known (in files that Export Keys… writes), what it signed from now on is false, and what it signed before is incomplete: whoever has the key could have signed it today. Gateways do not learn it from here: their operators have to mark the kid as revoked.',
    ),
  ].join('\n\n')
}

export function destroyWarning(use: KeyUse & { readonly place: string; readonly vault: boolean }): string {
  return [
    t`The key pair is destroyed inside ${use.place}. Nobody can bring it back, and there is no copy.`,
    ...stops(use, use.vault ? ANEW : undefined),
    t('Evidence that it signed still verifies with its public key, which the key ring keeps.'),
  ].join('\n\n')
}

/** The vault asks nobody: that gateways take its next key for a stranger's must not come as a surprise. */
const ANEW = t(
  'The vault makes another key when one is needed next, which gateways do not know; Rotate Key… hands over to one that they do.',
)
const NOTHING = t(
  'Nothing can be signed until you choose another key, which gateways do not know; Rotate Key… hands over to one that they do.',
)

function stops({ label, identity, gateways, successor }: KeyUse, next = NOTHING): string[] {
  if (!identity) return [t`${label} does not sign now, so no session ends.`]
  const then =
    successor === undefined
      ? next
      : t`A rotation to ${successor} was begun and is not finished: gateways that did not take it yet refuse this editor.`
  const now =
    gateways.length === 0
      ? t`${label} signs your contexts now: its sessions end.`
      : t`${label} signs your contexts now: its sessions end. Gateways that know this editor by it: ${gateways.join(', ')}.`
  return [now, then]
}
