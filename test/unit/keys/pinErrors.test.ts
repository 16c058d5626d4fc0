import { describe, expect, it } from 'vitest'
import { capacity } from '../../../src/keys/process/pkcs11/facts.ts'
import { type PinAttempt, pinError } from '../../../src/keys/process/pkcs11/pinErrors.ts'

/** CK_TOKEN_INFO.flags (PKCS#11 v3.2, section 3.2). */
const USER = { low: 0x10000, last: 0x20000, locked: 0x40000 }
const SO = { low: 0x100000, last: 0x200000, locked: 0x400000 }

/** As pkcs11js throws it. */
const ckr = (code: number, name = 'CKR_X') => Object.assign(new Error(name), { code })
const asked = (attempt: Partial<PinAttempt>): PinAttempt => ({
  who: 'user',
  doing: 'C_Login',
  keypad: false,
  flags: 0,
  ...attempt,
})
const said = (code: number, attempt: Partial<PinAttempt> = {}) => {
  const error = pinError(ckr(code), asked(attempt))
  return `${error.code}: ${error.message}`
}

describe('what a token answered to a PIN', () => {
  it.each([
    [0, 'pin-wrong: The PIN is wrong.'],
    [USER.low, 'pin-wrong: The PIN is wrong. Few tries are left before the token locks.'],
    [USER.low | USER.last, 'pin-wrong: The PIN is wrong. One more wrong PIN locks the token.'],
    [
      USER.locked,
      'pin-locked: The PIN is wrong. It is locked now; only the security officer of the token can set a new one.',
    ],
    [SO.low | SO.last | SO.locked, 'pin-wrong: The PIN is wrong.'],
  ])('with flags 0x%s says how many tries are left', (flags, sentence) => {
    expect(said(0xa0, { flags })).toBe(sentence)
  })

  it('is about the security officer where that one was asked', () => {
    const who = 'so'
    expect(said(0xa0, { who, flags: USER.locked })).toBe('pin-wrong: The PIN of the security officer is wrong.')
    expect(said(0xa0, { who, flags: SO.last })).toMatch(/^pin-wrong: .*security officer is wrong\. One more/)
    expect(said(0xa0, { who, flags: SO.locked })).toMatch(
      /^pin-locked: .*It is locked now; only the tools of its vendor/,
    )
    expect(said(0xa4, { who })).toMatch(/^pin-locked: The PIN of the security officer is locked; only the tools/)
    expect(said(0xa3, { who })).toMatch(/^pin-expired: The PIN of the security officer has to be changed/)
  })

  it('does not blame the old PIN for a new one that the token does not take', () => {
    for (const doing of ['C_SetPIN', 'C_InitPIN', 'C_InitToken'] as const) {
      expect(said(0xa2, { doing })).toBe('usage: The token does not take this PIN: it is too short or too long.')
      // openCryptoki answers a wrong old PIN like this too.
      expect(said(0xa1, { doing })).toMatch(doing === 'C_SetPIN' ? /^pin-wrong: .*or the new one/ : /^usage: /)
      expect(said(0xa0, { doing })).toMatch(/^pin-wrong: /)
    }
    expect(said(0xa2)).toMatch(/^pin-wrong: /)
  })

  it('names another program, and a keypad that cannot be called', () => {
    for (const code of [0xb6, 0xb7, 0x104]) expect(said(code, { doing: 'C_InitToken' })).toMatch(/^token-busy: Another/)
    for (const code of [0x7, 0xa1, 0xa2]) expect(said(code, { keypad: true })).toMatch(/^token-unsupported: .*keypad/)
    expect(said(0xa0, { keypad: true })).toMatch(/^pin-wrong: /)
    // One that answers a wrong PIN like this would use up the tries of a PIN that is sent by itself.
    expect(said(0x7)).toMatch(/^login-failed: /)
    expect(said(0x7, { doing: 'C_SetPIN' })).toMatch(/^pkcs11: /)
  })
})

describe('what a token says of its room', () => {
  const info = { sessionCount: 2, maxSessionCount: 16, freePublicMemory: 4096, freePrivateMemory: 0 }

  it('is told as it is', () => {
    expect(capacity(info)).toEqual({ sessions: { open: 2, most: 16 }, memory: { publicFree: 4096, privateFree: 0 } })
  })

  it('is null where it does not say, in 4 bytes and in 8, and where there is no limit', () => {
    const silent = { ...info, sessionCount: 0xffffffff, maxSessionCount: 0, freePublicMemory: Number(2n ** 64n - 1n) }
    expect(capacity(silent)).toEqual({ sessions: { open: null, most: null }, memory: null })
    expect(capacity({ ...info, freePrivateMemory: 0xffffffff }).memory).toBeNull()
  })
})
