import { CountersignError } from '../../../support/errors.ts'
import { said, type Sentence } from '../../../support/l10n.ts'
import { CKF, CKR } from './constants.ts'
import { isCkr, tokenError } from './errors.ts'
import { isStale } from './sessions.ts'

export type Who = 'user' | 'so'

export interface PinAttempt {
  readonly who: Who
  /** The call of the module that failed. */
  readonly doing: 'C_Login' | 'C_SetPIN' | 'C_InitPIN' | 'C_InitToken'
  /** The PIN was to come from the token's own keypad. */
  readonly keypad: boolean
  /** CK_TOKEN_INFO.flags after the attempt. */
  readonly flags: number
}

const TRIES = {
  user: { low: CKF.USER_PIN_COUNT_LOW, last: CKF.USER_PIN_FINAL_TRY, locked: CKF.USER_PIN_LOCKED },
  so: { low: CKF.SO_PIN_COUNT_LOW, last: CKF.SO_PIN_FINAL_TRY, locked: CKF.SO_PIN_LOCKED },
} as const

const LOCKED = {
  user: said('The PIN is locked; only the security officer of the token can set a new one.'),
  so: said(
    'The PIN of the security officer is locked; only the tools of its vendor can help now, and they may have to erase the token.',
  ),
} as const

/** What `tokenError` says of a user's PIN, of the security officer's. */
const OFFICERS: Readonly<Record<string, Sentence>> = {
  'The PIN is wrong.': said('The PIN of the security officer is wrong.'),
  'The PIN has characters that the token does not accept.': said(
    'The PIN of the security officer has characters that the token does not accept.',
  ),
  'The PIN is too short or too long for the token.': said(
    'The PIN of the security officer is too short or too long for the token.',
  ),
  'The PIN has to be changed before the token can be used.': said(
    'The PIN of the security officer has to be changed before the token can be used.',
  ),
}

/** Answers to C_Login that are about the token or its slot, and say that no PIN was looked at. */
const GONE: readonly string[] = ['token-missing', 'slot-missing']

/** What a module answered to a PIN, for people: whose PIN it was, and how many tries are left. */
export function pinError(thrown: unknown, { who, doing, keypad, flags }: PinAttempt): CountersignError {
  const options = { cause: thrown }
  if (isCkr(thrown, CKR.SESSION_EXISTS, CKR.SESSION_READ_ONLY_EXISTS, CKR.USER_ANOTHER_ALREADY_LOGGED_IN)) {
    const sentence = said('Another program uses the token. Close it, or let it log out, and try again.')
    return new CountersignError('token-busy', sentence, options)
  }
  if (keypad && isCkr(thrown, CKR.ARGUMENTS_BAD, CKR.PIN_LEN_RANGE, CKR.PIN_INVALID)) {
    const sentence = said(
      'The module of the token does not ask for the PIN on its keypad the way that we can call it. Use the tools of the token.',
    )
    return new CountersignError('token-unsupported', sentence, options)
  }
  if (doing === 'C_SetPIN' && isCkr(thrown, CKR.PIN_INVALID)) {
    // openCryptoki says so of a wrong old PIN, and does not count the try.
    const sentence = said(
      'The token does not take this change: the old PIN is wrong, or the new one has characters that are not allowed.',
    )
    return new CountersignError('pin-wrong', sentence, options)
  }
  if (doing !== 'C_Login' && isCkr(thrown, CKR.PIN_LEN_RANGE, CKR.PIN_INVALID)) {
    const sentence = isCkr(thrown, CKR.PIN_INVALID)
      ? said('The token does not take this PIN: it has characters that are not allowed.')
      : said('The token does not take this PIN: it is too short or too long.')
    return new CountersignError('usage', sentence, options)
  }
  const error = tokenError(thrown, doing)
  if (error.code !== 'pin-wrong' && error.code !== 'pin-locked' && error.code !== 'pin-expired') {
    const unclear = doing === 'C_Login' && error !== thrown && !isStale(thrown) && !GONE.includes(error.code)
    return unclear ? new CountersignError('login-failed', error.sentence, options) : error
  }
  const { low, last, locked } = TRIES[who]
  if (isCkr(thrown, CKR.PIN_LOCKED)) return new CountersignError('pin-locked', LOCKED[who], options)
  const sentence = who === 'user' ? error.sentence : (OFFICERS[error.message] ?? error.sentence)
  if (error.code !== 'pin-wrong') return new CountersignError(error.code, sentence, options)
  if ((flags & locked) !== 0) {
    const now =
      who === 'user'
        ? said`${sentence} It is locked now; only the security officer of the token can set a new one.`
        : said`${sentence} It is locked now; only the tools of its vendor can help now, and they may have to erase the token.`
    return new CountersignError('pin-locked', now, options)
  }
  const left =
    (flags & last) !== 0
      ? said`${sentence} One more wrong PIN locks the token.`
      : (flags & low) !== 0
        ? said`${sentence} Few tries are left before the token locks.`
        : sentence
  return new CountersignError('pin-wrong', left, options)
}
