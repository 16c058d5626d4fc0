import { describe, expect, it } from 'vitest'
import type { FoundKey, SlotFacts, TokenFacts } from '../../../src/contracts/keyFacts.ts'
import { initialiseWarning, tokenLabelProblem } from '../../../src/extension/commands/pins/initialiseWarning.ts'
import { beforeOfficerPin, beforeUserPin } from '../../../src/extension/identity/pinAdvice.ts'
import { tokenState } from '../../../src/extension/identity/tokenState.ts'
import { CountersignError } from '../../../src/support/errors.ts'

// CK_TOKEN_INFO.flags, PKCS#11 v3.2, section 3.2.
const LOGIN = 0x4
const PIN_SET = 0x8
const KEYPAD = 0x100
const INITIALISED = 0x400
const FINAL_TRY = 0x20000
const LOCKED = 0x40000
const TO_BE_CHANGED = 0x80000
const SO_FINAL_TRY = 0x200000
const SO_LOCKED = 0x400000
const READY = LOGIN | PIN_SET | INITIALISED

function slotWith(flags: number, parts: Partial<TokenFacts> = {}, slot = 3): SlotFacts {
  const token: TokenFacts = {
    label: 'ops',
    manufacturer: '',
    model: '',
    serial: '0815',
    firmware: '',
    hardwareVersion: '',
    flags,
    loggedIn: false,
    sessions: { open: null, most: null },
    memory: null,
    mlDsa: ['ML-DSA-87'],
    mlKem: false,
    classical: [],
    keys: [],
    error: null,
    ...parts,
  }
  return { slot, description: '', hardware: true, token, error: null }
}

const stateOf = (flags: number, parts: Partial<TokenFacts> = {}) => tokenState([slotWith(flags, parts)], { slot: 3 })

describe('the state of a token before a PIN is tried', () => {
  it('is read from the flags that count', () => {
    expect(stateOf(READY)).toMatchObject({ pin: 'wanted', keypad: false, toBeChanged: false, officer: 'usable' })
    expect(stateOf(READY | KEYPAD)).toMatchObject({ keypad: true })
    expect(stateOf(READY | FINAL_TRY)).toMatchObject({ pin: 'last try' })
    expect(stateOf(READY | LOCKED)).toMatchObject({ pin: 'locked' })
    expect(stateOf(READY | TO_BE_CHANGED)).toMatchObject({ toBeChanged: true })
    expect(stateOf(READY | SO_FINAL_TRY)).toMatchObject({ officer: 'last try' })
    expect(stateOf(READY | SO_FINAL_TRY | SO_LOCKED)).toMatchObject({ officer: 'locked' })
    expect(stateOf(LOGIN)).toMatchObject({ initialised: false })
  })

  it('counts the tries of a token that is unlocked, or whose PIN has to be changed: an old PIN can be wrong as well', () => {
    expect(stateOf(READY | FINAL_TRY, { loggedIn: true })).toMatchObject({ pin: 'last try' })
    expect(stateOf(READY | FINAL_TRY | TO_BE_CHANGED)).toMatchObject({ pin: 'last try', toBeChanged: true })
  })

  it('belongs to exactly one token: two of one label are not guessed between', () => {
    const twins = [slotWith(READY, {}, 3), slotWith(READY, {}, 4)]
    expect(() => tokenState(twins, { token: 'ops' })).toThrow(CountersignError)
    expect(tokenState(twins, { slot: 4 }).slot).toBe(4)
    expect(() => tokenState(twins, { slot: 5 })).toThrow(/no slot 5/)
    expect(() => tokenState([{ ...slotWith(READY), token: null }], { slot: 3 })).toThrow(/no token in slot 3/)
  })
})

describe('what a person hears before a PIN is tried', () => {
  const keyNamed = (label: string): FoundKey => ({
    label,
    algorithm: 'ML-DSA-87',
    publicKey: new Uint8Array(2592),
    id: null,
    alwaysAuthenticate: null,
    facts: null,
  })
  const keys = [keyNamed('one'), keyNamed('two')]

  it('is nothing where nothing is at stake', () => {
    expect(beforeUserPin('ops', stateOf(READY))).toEqual({ kind: 'go' })
    expect(beforeOfficerPin('ops', stateOf(READY | FINAL_TRY))).toEqual({ kind: 'go' })
  })

  it('names before the last try what is lost with it', () => {
    const advice = beforeUserPin('ops', stateOf(READY | FINAL_TRY, { keys }))
    expect(advice.kind).toBe('warn')
    expect(JSON.stringify(advice)).toMatch(/one more wrong PIN locks ops.*one, two.*only its security officer/)
    expect(beforeOfficerPin('ops', stateOf(READY | SO_FINAL_TRY, { keys })).kind).toBe('warn')
  })

  it('refuses a try that is no use, and says that there was none', () => {
    for (const flags of [READY | LOCKED, READY | LOCKED | FINAL_TRY, LOGIN | INITIALISED]) {
      const advice = beforeUserPin('ops', stateOf(flags))
      expect(advice.kind).toBe('refuse')
      expect(JSON.stringify(advice)).toContain('nothing was tried')
    }
    expect(beforeOfficerPin('ops', stateOf(READY | SO_LOCKED)).kind).toBe('refuse')
  })

  it('fits on a screen, however many keys there are', () => {
    const many = Array.from({ length: 500 }, (_, at) => keyNamed(`key-${at}`))
    const advice = beforeUserPin('ops', stateOf(READY | FINAL_TRY, { keys: many }))
    expect(JSON.stringify(advice)).toContain('and 488 more')
  })
})

describe('the warning before a token is initialised', () => {
  it('lists its keys, and says what nobody can list', () => {
    const known = {
      which: 'Spare HSM · ops, slot 3, serial 0815',
      keys: ['one', 'two'],
      initialised: true,
      signs: true,
    }
    const open = initialiseWarning({ ...known, listed: true })
    expect(open).toContain('Spare HSM · ops, slot 3, serial 0815')
    expect(open).toContain('one, two')
    expect(open).toContain('RSA and ECC keys')
    expect(open).toContain('the key that signs your contexts now')
    const locked = initialiseWarning({ ...known, signs: false, listed: false })
    expect(locked).toContain('more keys than can be seen')
    expect(locked).not.toContain('signs your contexts')
  })

  it('does not frighten about a token that holds nothing', () => {
    expect(initialiseWarning({ which: 'x', keys: [], listed: false, initialised: false, signs: false })).toContain(
      'nothing is lost',
    )
  })

  it('takes only labels that a token can have', () => {
    expect(tokenLabelProblem('Operations 2026')).toBe(undefined)
    expect(tokenLabelProblem('ä'.repeat(16))).toBe(undefined)
    expect(tokenLabelProblem('ä'.repeat(17))).toContain('32 bytes')
    for (const label of ['', ' ops', 'ops ', 'o\nps', 'a\u202eb'])
      expect(tokenLabelProblem(label), label).not.toBe(undefined)
  })
})
