import type { PinState } from '../../contracts/inventory.ts'
import type { TokenFacts } from '../../contracts/keyFacts.ts'
import { t } from '../../support/l10n.ts'

/** CK_TOKEN_INFO.flags (PKCS#11 v3.2, section 3.2, table "Token Information Flags"). */
export const FLAG = {
  rng: 0x1,
  writeProtected: 0x2,
  loginRequired: 0x4,
  userPinInitialized: 0x8,
  keypad: 0x100,
  tokenInitialized: 0x400,
  countLow: 0x10000,
  finalTry: 0x20000,
  locked: 0x40000,
  toBeChanged: 0x80000,
  soCountLow: 0x100000,
  soFinalTry: 0x200000,
  soLocked: 0x400000,
  error: 0x1000000,
} as const

type Flags = Pick<TokenFacts, 'flags'>

export const has = ({ flags }: Flags, flag: keyof typeof FLAG): boolean => (flags & FLAG[flag]) !== 0

const WORDS: readonly (readonly [keyof typeof FLAG, string])[] = [
  ['error', t('failed its self-test')],
  ['locked', t('user PIN locked')],
  ['finalTry', t('last try of the user PIN')],
  ['countLow', t('a wrong user PIN was given')],
  ['toBeChanged', t('user PIN has to be changed')],
  ['soLocked', t('security officer’s PIN locked')],
  ['soFinalTry', t('last try of the security officer’s PIN')],
  ['soCountLow', t('a wrong security officer’s PIN was given')],
  ['writeProtected', t('write-protected')],
  ['loginRequired', t('login required')],
  ['keypad', t('PIN on its own keypad')],
  ['rng', t('random numbers of its own')],
]

/** What is remarkable of a token's flags, worst first. */
export function flagWords(token: Flags): string[] {
  const told = WORDS.filter(([flag]) => has(token, flag)).map(([, words]) => words)
  const missing = [
    has(token, 'tokenInitialized') ? [] : [t('not initialised')],
    has(token, 'userPinInitialized') || !has(token, 'loginRequired') ? [] : [t('no user PIN set')],
  ].flat()
  return [...missing, ...told]
}

/**
 * A PIN that has to be changed stays so after the login: the token may refuse every other use of it. Where there is none yet,
 * openCryptoki says so as well, and only the security officer can do something about it.
 */
export function pinState(token: Pick<TokenFacts, 'flags' | 'loggedIn'>): PinState {
  if (has(token, 'toBeChanged') && has(token, 'userPinInitialized') && !has(token, 'locked')) return 'to be changed'
  if (token.loggedIn) return 'unlocked'
  if (!has(token, 'loginRequired')) return 'none'
  if (has(token, 'locked')) return 'locked'
  if (!has(token, 'userPinInitialized')) return 'not set'
  return has(token, 'finalTry') ? 'last try' : 'wanted'
}
