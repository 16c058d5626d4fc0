import { CountersignError, type ErrorCode } from '../../../support/errors.ts'
import { type Filling, said, type Sentence } from '../../../support/l10n.ts'
import { ckrOf } from '../wireError.ts'
import { CKR } from './constants.ts'

const SENTENCES: ReadonlyMap<number, readonly [ErrorCode, Sentence]> = new Map([
  [CKR.SLOT_ID_INVALID, ['slot-missing', said('The module has no such slot any more. Look at its slots again.')]],
  [CKR.DEVICE_ERROR, ['pkcs11', said('The token reports a device error. Check it and its connection.')]],
  [CKR.DEVICE_REMOVED, ['token-missing', said('The token was removed. Insert it and try again.')]],
  [CKR.TOKEN_NOT_PRESENT, ['token-missing', said('There is no token in the slot. Insert it and try again.')]],
  [CKR.TOKEN_NOT_RECOGNIZED, ['token-missing', said('The module does not recognise the token in the slot.')]],
  [CKR.TOKEN_WRITE_PROTECTED, ['token-unsupported', said('The token is write-protected; no key can be made in it.')]],
  [CKR.KEY_HANDLE_INVALID, ['key-missing', said('The token does not know the key any more. Open it again.')]],
  [CKR.OBJECT_HANDLE_INVALID, ['key-missing', said('The token does not know the key any more. Open it again.')]],
  [CKR.MECHANISM_INVALID, ['token-unsupported', said('The token refuses ML-DSA although it lists it.')]],
  [CKR.PIN_INCORRECT, ['pin-wrong', said('The PIN is wrong.')]],
  [CKR.PIN_INVALID, ['pin-wrong', said('The PIN has characters that the token does not accept.')]],
  [CKR.PIN_LEN_RANGE, ['pin-wrong', said('The PIN is too short or too long for the token.')]],
  [CKR.PIN_EXPIRED, ['pin-expired', said('The PIN has to be changed before the token can be used.')]],
  [
    CKR.PIN_LOCKED,
    ['pin-locked', said('The PIN is locked. Only the security officer of the token can set a new one.')],
  ],
  [CKR.USER_NOT_LOGGED_IN, ['pin-needed', said('The token is locked. Enter its PIN.')]],
  [
    CKR.USER_PIN_NOT_INITIALIZED,
    ['pin-locked', said('The token has no PIN yet. Its security officer has to set one.')],
  ],
])

/**
 * What a module returned, for people. `doing` names the step: "C_Sign". The module's own text is not shown: it would be
 * the one string here that somebody else wrote, and it could be anything.
 */
export function tokenError(thrown: unknown, doing: string): CountersignError {
  if (thrown instanceof CountersignError) return thrown
  const ckr = ckrOf(thrown)
  const known = ckr === undefined ? undefined : SENTENCES.get(ckr)
  if (known !== undefined) return new CountersignError(known[0], known[1], { cause: thrown })
  const sentence = said`The module answered ${doing} with ${returnValue(thrown)}. Check the token.`
  return new CountersignError('pkcs11', sentence, { cause: thrown })
}

/** The return value of a call by name and number: `CKR_GENERAL_ERROR (0x5)`. */
export function returnValue(thrown: unknown): Filling {
  const ckr = ckrOf(thrown)
  if (ckr === undefined) return said('an error without a number')
  const name = thrown instanceof Error ? /^CKR_[A-Z0-9_]+$/.exec(thrown.message)?.[0] : undefined
  const number = `0x${ckr.toString(16)}`
  return name === undefined ? said`an error (${number})` : `${name} (${number})`
}

export function isCkr(thrown: unknown, ...values: readonly number[]): boolean {
  const ckr = ckrOf(thrown)
  return ckr !== undefined && values.includes(ckr)
}

/** Runs one call of the module; what it throws becomes an error for people. */
export function calling<T>(doing: string, call: () => T): T {
  try {
    return call()
  } catch (thrown) {
    throw tokenError(thrown, doing)
  }
}
