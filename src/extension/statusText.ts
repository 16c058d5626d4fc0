import type { Custody } from '../contracts/custody.ts'
import type { ConnectionState } from './sessions/gatewayConnection.ts'
import { CUSTODY_WORD } from './words.ts'
import { t } from '../support/l10n.ts'

export interface StatusFacts {
  readonly gateways: readonly { readonly name: string; readonly state: ConnectionState['kind'] }[]
  readonly signer: 'none' | 'ready' | 'locked' | 'gone'
  readonly custody?: Custody
  /** Rejected since somebody looked. */
  readonly rejected: number
}

export interface StatusText {
  /** With the icon's name in the notation of the editor. Shape and word say all; colour only repeats it. */
  readonly text: string
  /** For a screen reader. */
  readonly spoken: string
  readonly level: 'none' | 'warning' | 'error'
}

/** The worst thing that a person should know of comes first; the good state is the quiet one. */
export function statusText({ gateways, signer, custody, rejected }: StatusFacts): StatusText {
  const named = (state: ConnectionState['kind']) => gateways.filter((gateway) => gateway.state === state)
  const one = (state: ConnectionState['kind']) => {
    const [first, ...others] = named(state)
    return others.length === 0 ? (first?.name ?? '') : t`${others.length + 1} gateways`
  }
  if (rejected > 0) return status('rejected', t`${rejected} rejected`, 'error')
  if (named('blocked').length > 0) return status('rejected', `${one('blocked')} blocked`, 'error')
  if (signer === 'gone') return status('rejected', t('key does not answer'), 'error')
  if (signer === 'locked') return status('locked', t('PIN wanted'), 'warning')
  if (named('reconnecting').length > 0) return status('pending', t`reconnecting ${one('reconnecting')}`)
  if (named('connecting').length > 0) return status('pending', t`connecting ${one('connecting')}`)
  const ready = named('ready').length
  if (ready > 0 && custody !== undefined) return status(custody, t`${ready} ready`, 'none', custody)
  if (named('failed').length > 0) return status('off', t`${one('failed')} not connected`)
  return { text: '$(countersign-off) Countersign', spoken: t('Countersign, nothing connected'), level: 'none' }
}

function status(glyph: string, words: string, level: StatusText['level'] = 'none', custody?: Custody): StatusText {
  // The good case is the quiet one: the shape says it, and only a screen reader hears it.
  const shown = custody === undefined || custody === 'hsm' ? words : `${words} · ${CUSTODY_WORD[custody]}`
  const spoken =
    custody === undefined
      ? words
      : custody === 'hsm'
        ? t`${words}, key in an hsm`
        : t`${words}, key custody ${CUSTODY_WORD[custody]}`
  return { text: `$(countersign-${glyph}) Countersign: ${shown}`, spoken: `Countersign, ${spoken}`, level }
}

/** A name from a setting or a peer as Markdown text that can be nothing but text. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>&~$]/g, '\\$&').replace(/\s+/g, ' ')
}
