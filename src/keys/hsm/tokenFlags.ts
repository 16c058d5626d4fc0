import type { PinState } from '../../contracts/inventory.ts'
import type { TokenFacts } from '../../contracts/keyFacts.ts'

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
  ['error', 'failed its self-test'],
  ['locked', 'user PIN locked'],
  ['finalTry', 'last try of the user PIN'],
  ['countLow', 'a wrong user PIN was given'],
  ['toBeChanged', 'user PIN has to be changed'],
  ['soLocked', 'security officer’s PIN locked'],
  ['soFinalTry', 'last try of the security officer’s PIN'],
  ['soCountLow', 'a wrong security officer’s PIN was given'],
  ['writeProtected', 'write-protected'],
  ['loginRequired', 'login required'],
  ['keypad', 'PIN on its own keypad'],
  ['rng', 'random numbers of its own'],
]

/** What is remarkable of a token's flags, worst first. */
export function flagWords(token: Flags): string[] {
  const told = WORDS.filter(([flag]) => has(token, flag)).map(([, words]) => words)
  const missing = [
    has(token, 'tokenInitialized') ? [] : ['not initialised'],
    has(token, 'userPinInitialized') || !has(token, 'loginRequired') ? [] : ['no user PIN set'],
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
