import { describe, expect, it } from 'vitest'
import type { Criterion, ProbeResult } from '../../../src/contracts/inventory.ts'
import type { FoundKey, KeyClaims, SlotFacts, TokenFacts } from '../../../src/contracts/keyFacts.ts'
import { readinessOf, verdictOf } from '../../../src/keys/hsm/readiness.ts'
import { toWire } from '../../../src/contracts/wireSentence.ts'
import { said } from '../../../src/support/l10n.ts'
import { FLAG, flagWords, pinState } from '../../../src/keys/hsm/tokenFlags.ts'

const INITIALISED = FLAG.tokenInitialized | FLAG.userPinInitialized | FLAG.loginRequired
const token: TokenFacts = {
  label: 't',
  manufacturer: 'Acme',
  model: 'A1',
  serial: '1',
  firmware: '7.9',
  hardwareVersion: '1.0',
  flags: INITIALISED,
  loggedIn: false,
  sessions: { open: null, most: null },
  memory: null,
  mlDsa: ['ML-DSA-87', 'ML-DSA-65'],
  mlKem: true,
  classical: ['RSA'],
  keys: [],
  error: null,
}
const module = {
  manufacturer: 'Acme',
  description: 'A',
  version: '1.0',
  cryptoki: '3.2',
  profile: null,
  software: false,
}
const slot: SlotFacts = { slot: 0, description: '', hardware: true, token, error: null }
const claims: KeyClaims = {
  sensitive: true,
  alwaysSensitive: true,
  extractable: false,
  neverExtractable: true,
  local: true,
  token: true,
  sign: true,
  modifiable: false,
}
const key = (change: Partial<KeyClaims> = {}, alwaysAuthenticate: boolean | null = null): FoundKey => ({
  label: 'k',
  algorithm: 'ML-DSA-87',
  publicKey: new Uint8Array(2592),
  id: null,
  alwaysAuthenticate,
  facts: { hardwareSlot: true, profile: null, software: false, claims: { ...claims, ...change } },
})
const step = (name: ProbeResult['steps'][number]['step'], error: string | null = null) => ({
  step: name,
  ok: error === null,
  ms: 1,
  error: error === null ? null : said(error),
})
const probe = (steps: ProbeResult['steps'], change: Partial<ProbeResult> = {}): ProbeResult => ({
  algorithm: 'ML-DSA-87',
  at: 0,
  steps,
  ...change,
})
const GOOD = ['generate', 'sign', 'verify', 'destroy'] as const
const FALLS = 'to a quantum computer'

describe('readiness of a slot', () => {
  const at = (changes: Partial<TokenFacts>, more: Partial<SlotFacts> = {}, probes: readonly ProbeResult[] = []) =>
    readinessOf({ ...slot, token: { ...token, ...changes }, ...more }, module, probes)

  it.each([
    ['with nothing against it', at({}), 'ready', 'firmware 7.9 · PIN wanted'],
    ['that tells no firmware', at({ firmware: '0.0' }), 'ready', 'PIN wanted'],
    ['unlocked', at({ loggedIn: true }), 'ready', 'firmware 7.9 · PIN set, unlocked'],
    [
      'with a good key',
      at({ loggedIn: true, keys: [key()] }),
      'ready',
      'firmware 7.9 · PIN set, unlocked · keys made inside, never extractable',
    ],
    ['before the last try', at({ flags: INITIALISED | FLAG.finalTry }), 'ready', 'one more wrong PIN locks it'],
    [
      'locked',
      at({ flags: INITIALISED | FLAG.locked }),
      'not ready',
      'PIN locked: only its security officer can set a new one',
    ],
    [
      'locked by somebody else',
      at({ flags: INITIALISED | FLAG.locked, loggedIn: true }),
      'usable',
      'PIN locked by somebody else: it signs until this login ends',
    ],
    [
      'without a PIN',
      at({ flags: FLAG.tokenInitialized | FLAG.loginRequired }),
      'not ready',
      'no PIN set: its security officer has to set one',
    ],
    [
      'that asks for none',
      at({ flags: FLAG.tokenInitialized }),
      'usable',
      'it asks for no PIN: whoever reaches it signs',
    ],
    [
      'with the PIN of its maker',
      at({ flags: INITIALISED | FLAG.toBeChanged }),
      'not ready',
      'its PIN has to be changed before it is used',
    ],
    [
      'with the PIN of its maker, unlocked',
      at({ flags: INITIALISED | FLAG.toBeChanged, loggedIn: true }),
      'not ready',
      'its PIN has to be changed before it is used',
    ],
    ['not initialised', at({ flags: FLAG.loginRequired }), 'not ready', 'the token is not initialised'],
    ['classical only', at({ mlDsa: [] }), 'not ready', `no ML-DSA mechanism: RSA falls ${FALLS}`],
    [
      'classical in three ways',
      at({ mlDsa: [], classical: ['RSA', 'ECDSA', 'EdDSA'] }),
      'not ready',
      `no ML-DSA mechanism: RSA, ECDSA and EdDSA fall ${FALLS}`,
    ],
    [
      'without any signature',
      at({ mlDsa: [], classical: [] }),
      'not ready',
      'no ML-DSA mechanism, and no other signature either',
    ],
    ['with ML-DSA-44 alone', at({ mlDsa: ['ML-DSA-44'] }), 'not ready', 'ML-DSA-44 only: no suite takes it'],
    [
      'with ML-DSA-65',
      at({ mlDsa: ['ML-DSA-65', 'ML-DSA-44'] }),
      'usable',
      'ML-DSA-65 only: no identity for the default suite',
    ],
    [
      'write-protected and empty',
      at({ flags: INITIALISED | FLAG.writeProtected }),
      'not ready',
      'write-protected, and it has no ML-DSA key',
    ],
    ['write-protected with a key', at({ flags: INITIALISED | FLAG.writeProtected, keys: [key()] }), 'ready', undefined],
    [
      'not marked as hardware',
      at({}, { hardware: false }),
      'usable',
      'the slot is not marked as hardware: custody would be unknown',
    ],
    ['of known software', at({ model: 'SoftHSM v2' }), 'usable', 'SoftHSM is software: custody is software'],
    ['that cannot be read', at({ error: toWire(said('odd')) }), 'usable', 'odd'],
    [
      'whose keys say nothing',
      at({ keys: [key({ local: null })] }),
      'usable',
      'does not claim that keys are made inside: custody would be unknown',
    ],
    [
      'whose keys were imported',
      at({ keys: [key({ local: false })] }),
      'usable',
      'denies that keys are made inside: custody would be unknown',
    ],
    ['with one good key of two', at({ keys: [key({ local: false }), key()] }), 'ready', undefined],
    [
      'whose keys can be taken out',
      at({ keys: [key({ extractable: true })] }),
      'usable',
      'denies that keys are sensitive and never extractable: custody would be unknown',
    ],
    [
      'whose keys are not sensitive',
      at({ keys: [key({ sensitive: false })] }),
      'usable',
      'denies that keys are sensitive and never extractable: custody would be unknown',
    ],
    [
      'whose keys ask each time',
      at({ keys: [key({}, true)] }),
      'usable',
      'its keys ask for the PIN at every signature: make one that does not',
    ],
    ['with one key that asks each time', at({ keys: [key({}, true), key()] }), 'ready', undefined],
    ['empty', at({}, { token: null }), undefined, 'empty'],
    ['broken', at({}, { token: null, error: toWire(said('broken')) }), 'not ready', 'broken'],
  ])('%s', (_, verdict, readiness, reason) => {
    expect(verdict.readiness).toBe(readiness)
    if (reason !== undefined) expect(verdict.reason).toBe(reason)
  })

  it.each([
    ['works', probe(GOOD.map((name) => step(name))), 'ready', 'met'],
    ['does not sign', probe([step('generate'), step('sign', 'CKR_GENERAL_ERROR')]), 'not ready', 'not met'],
    [
      'signs what does not verify',
      probe([step('generate'), step('sign'), step('verify', 'no')]),
      'not ready',
      'not met',
    ],
    // A process that says it signed and shows nothing to verify has shown nothing.
    ['shows no signature', probe([step('generate'), step('sign'), step('destroy')]), 'not ready', 'not met'],
    [
      'leaves its key behind',
      probe([...GOOD.slice(0, 3).map((name) => step(name)), step('destroy', 'no')]),
      'usable',
      'not met',
    ],
    [
      'fails with a set that is not needed',
      probe([step('generate', 'no')], { algorithm: 'ML-DSA-44' }),
      'ready',
      'not met',
    ],
  ])('after a probe that %s', (_, result, readiness, state) => {
    const { readiness: verdict, criteria } = at({}, {}, [result])
    expect(verdict).toBe(readiness)
    expect(criteria.find(({ name }) => name === 'probe')).toMatchObject({ state })
  })

  it('takes the probe of the best set, and what the module claimed of the key that it made', () => {
    const good = probe(
      GOOD.map((name) => step(name)),
      { claims },
    )
    const bad = probe([step('generate', 'no')], { algorithm: 'ML-DSA-44' })
    const { criteria } = at({}, {}, [bad, good])
    expect(criteria.find(({ name }) => name === 'probe')).toMatchObject({ state: 'met' })
    expect(criteria.find(({ name }) => name === 'key made inside')).toMatchObject({ state: 'met', weight: 'wanted' })
    expect(at({}, {}, [probe([step('generate')], { claims: { ...claims, local: null } }), bad]).readiness).toBe(
      'not ready',
    )
  })

  it('believes a setting that calls a module software', () => {
    const verdict = readinessOf(slot, { ...module, software: true })
    expect(verdict).toMatchObject({ readiness: 'usable', reason: 'the module is software: custody is software' })
  })

  it('has a finding for every criterion, each once', () => {
    const { criteria } = at({})
    expect(new Set(criteria.map(({ name }) => name)).size).toBe(criteria.length)
    expect(criteria.length).toBeGreaterThan(10)
    for (const { finding } of criteria) expect(finding.length).toBeGreaterThan(5)
  })
})

describe('the verdict', () => {
  const of = (...of: readonly (readonly [Criterion['weight'], Criterion['state']])[]) =>
    verdictOf(of.map(([weight, state], at) => ({ name: String(at), weight, state, finding: '' })))

  it.each([
    [[], 'ready'],
    [
      [
        ['needed', 'met'],
        ['wanted', 'met'],
        ['told', 'not met'],
      ],
      'ready',
    ],
    [[['told', 'not told']], 'ready'],
    [[['wanted', 'not met']], 'usable'],
    [[['wanted', 'not told']], 'usable'],
    [[['needed', 'not met']], 'not ready'],
    // What is needed and not told is not there.
    [[['needed', 'not told']], 'not ready'],
    [
      [
        ['wanted', 'not met'],
        ['needed', 'not met'],
        ['needed', 'met'],
      ],
      'not ready',
    ],
  ] as const)('of %j is %s', (criteria, verdict) => {
    expect(of(...criteria)).toBe(verdict)
  })
})

describe('flags of a token', () => {
  const flags = (...names: readonly (keyof typeof FLAG)[]) => ({
    flags: names.reduce((sum, name) => sum | FLAG[name], 0),
  })

  it('are words, worst first', () => {
    expect(flagWords(flags('tokenInitialized', 'loginRequired', 'userPinInitialized', 'countLow', 'finalTry'))).toEqual(
      ['last try of the user PIN', 'a wrong user PIN was given', 'login required'],
    )
    expect(flagWords({ flags: 0 })).toEqual(['not initialised'])
    expect(flagWords(flags('tokenInitialized', 'loginRequired'))).toEqual(['no user PIN set', 'login required'])
    expect(flagWords(flags('error', 'tokenInitialized'))).toEqual(['failed its self-test'])
  })

  it.each([
    [flags(), false, 'none'],
    [flags('loginRequired'), false, 'not set'],
    [flags('loginRequired', 'toBeChanged'), false, 'not set'],
    [flags('loginRequired', 'userPinInitialized'), false, 'wanted'],
    [flags('loginRequired', 'userPinInitialized', 'finalTry'), false, 'last try'],
    [flags('loginRequired', 'userPinInitialized', 'locked'), false, 'locked'],
    [flags('loginRequired', 'userPinInitialized', 'locked', 'toBeChanged'), false, 'locked'],
    [flags('loginRequired', 'userPinInitialized', 'locked'), true, 'unlocked'],
    [flags('loginRequired', 'userPinInitialized', 'toBeChanged'), true, 'to be changed'],
    [flags('loginRequired', 'userPinInitialized'), true, 'unlocked'],
  ])('%j, logged in %s: %s', (given, loggedIn, state) => {
    expect(pinState({ ...given, loggedIn })).toBe(state)
  })
})
