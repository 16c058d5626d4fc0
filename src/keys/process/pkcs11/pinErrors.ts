import { CountersignError } from '../../../support/errors.ts'
import { CKF, CKR } from './constants.ts'
import { isCkr, tokenError } from './errors.ts'

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

const WAY_OUT = {
  user: 'only the security officer of the token can set a new one.',
  so: 'only the tools of its vendor can help now, and they may have to erase the token.',
} as const

/** What a module answered to a PIN, for people: whose PIN it was, and how many tries are left. */
export function pinError(thrown: unknown, { who, doing, keypad, flags }: PinAttempt): CountersignError {
  const options = { cause: thrown }
  if (isCkr(thrown, CKR.SESSION_EXISTS, CKR.SESSION_READ_ONLY_EXISTS, CKR.USER_ANOTHER_ALREADY_LOGGED_IN)) {
    const sentence = 'Another program uses the token. Close it, or let it log out, and try again.'
    return new CountersignError('token-busy', sentence, options)
  }
  if (keypad && isCkr(thrown, CKR.ARGUMENTS_BAD, CKR.PIN_LEN_RANGE, CKR.PIN_INVALID)) {
    const sentence = 'The module of the token does not ask for the PIN on its keypad the way that we can call it.'
    return new CountersignError('token-unsupported', `${sentence} Use the tools of the token.`, options)
  }
  if (doing === 'C_SetPIN' && isCkr(thrown, CKR.PIN_INVALID)) {
    // openCryptoki says so of a wrong old PIN, and does not count the try.
    const sentence = 'The token does not take this change: the old PIN is wrong, or the new one has characters that'
    return new CountersignError('pin-wrong', `${sentence} are not allowed.`, options)
  }
  if (doing !== 'C_Login' && isCkr(thrown, CKR.PIN_LEN_RANGE, CKR.PIN_INVALID)) {
    const why = isCkr(thrown, CKR.PIN_INVALID)
      ? 'it has characters that are not allowed'
      : 'it is too short or too long'
    return new CountersignError('usage', `The token does not take this PIN: ${why}.`, options)
  }
  const error = tokenError(thrown, doing)
  if (error.code !== 'pin-wrong' && error.code !== 'pin-locked' && error.code !== 'pin-expired') return error
  const { low, last, locked } = TRIES[who]
  const sentence = who === 'user' ? error.message : error.message.replace('The PIN', 'The PIN of the security officer')
  if (isCkr(thrown, CKR.PIN_LOCKED)) {
    const owner = who === 'user' ? 'The PIN' : 'The PIN of the security officer'
    return new CountersignError('pin-locked', `${owner} is locked; ${WAY_OUT[who]}`, options)
  }
  if (error.code !== 'pin-wrong') return new CountersignError(error.code, sentence, options)
  if ((flags & locked) !== 0) {
    return new CountersignError('pin-locked', `${sentence} It is locked now; ${WAY_OUT[who]}`, options)
  }
  const left =
    (flags & last) !== 0
      ? ' One more wrong PIN locks the token.'
      : (flags & low) !== 0
        ? ' Few tries are left before the token locks.'
        : ''
  return new CountersignError('pin-wrong', sentence + left, options)
}
