import type { Custody } from '../contracts/custody.ts'
import type { CheckName } from '../evidence/verdict.ts'
import type { ConnectionState } from './sessions/gatewayConnection.ts'
import { t } from '../support/l10n.ts'

/** Single words that several views show. Their English is what the contracts call the same thing. */
export const CUSTODY_WORD: Readonly<Record<Custody, string>> = {
  hsm: t('hsm'),
  software: t('software'),
  unknown: t('unknown'),
}

/** How far a PIN is from working. */
export const PIN_WORD = {
  unlocked: t('unlocked'),
  wanted: t('PIN wanted'),
  'last try': t('last try'),
  locked: t('PIN locked'),
  'to be changed': t('PIN to be changed'),
  'not set': t('no PIN set'),
  none: t('no PIN needed'),
} as const

export const STATE_WORD: Readonly<Record<ConnectionState['kind'], string>> = {
  closed: t('closed'),
  connecting: t('connecting'),
  ready: t('ready'),
  reconnecting: t('reconnecting'),
  failed: t('failed'),
  blocked: t('blocked'),
}

/** The checks of evidence, whose English is their name everywhere else. */
export const CHECK_WORD: Readonly<Record<CheckName, string>> = {
  'statement well formed': t('statement well formed'),
  'proof leads to the root': t('proof leads to the root'),
  'signature on the root': t('signature on the root'),
  'key active at that time': t('key active at that time'),
  'session, audience, sequence': t('session, audience, sequence'),
  'context is as stated': t('context is as stated'),
  'bound to this question': t('bound to this question'),
}
