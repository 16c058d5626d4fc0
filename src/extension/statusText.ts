import type { Custody } from '../contracts/custody.ts'
import type { ConnectionState } from './sessions/gatewayConnection.ts'

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

const CUSTODY_WORD: Record<Custody, string> = { hsm: '', software: ' · software', unknown: ' · unknown' }

/** The worst thing that a person should know of comes first; the good state is the quiet one. */
export function statusText({ gateways, signer, custody, rejected }: StatusFacts): StatusText {
  const named = (state: ConnectionState['kind']) => gateways.filter((gateway) => gateway.state === state)
  const one = (state: ConnectionState['kind']) => {
    const [first, ...others] = named(state)
    return others.length === 0 ? (first?.name ?? '') : `${others.length + 1} gateways`
  }
  if (rejected > 0) return status('rejected', `${rejected} rejected`, 'error')
  if (named('blocked').length > 0) return status('rejected', `${one('blocked')} blocked`, 'error')
  if (signer === 'gone') return status('rejected', 'key does not answer', 'error')
  if (signer === 'locked') return status('locked', 'PIN wanted', 'warning')
  if (named('reconnecting').length > 0) return status('pending', `reconnecting ${one('reconnecting')}`)
  if (named('connecting').length > 0) return status('pending', `connecting ${one('connecting')}`)
  const ready = named('ready').length
  if (ready > 0 && custody !== undefined) return status(custody, `${ready} ready${CUSTODY_WORD[custody]}`)
  if (named('failed').length > 0) return status('off', `${one('failed')} not connected`)
  return { text: '$(countersign-off) Countersign', spoken: 'Countersign, nothing connected', level: 'none' }
}

function status(glyph: string, words: string, level: StatusText['level'] = 'none'): StatusText {
  const custody = glyph === 'hsm' ? ', key in an hsm' : ''
  return {
    text: `$(countersign-${glyph}) Countersign: ${words}`,
    spoken: `Countersign, ${words.replace(' · ', ', key custody ')}${custody}`,
    level,
  }
}

/** A name from a setting or a peer as Markdown text that can be nothing but text. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>&~$]/g, '\\$&').replace(/\s+/g, ' ')
}
