import type { Ability, Criterion, ProbeResult, Readiness } from '../../contracts/inventory.ts'
import {
  type KeyClaims,
  ML_DSA_SETS,
  type ModuleFacts,
  type SlotFacts,
  type TokenFacts,
} from '../../contracts/keyFacts.ts'
import { profileOf, type VendorProfile } from './profiles.ts'
import { has, pinState } from './tokenFlags.ts'
import { fromWire } from '../../contracts/wireSentence.ts'
import { said, t } from '../../support/l10n.ts'

export interface SlotReadiness {
  /** Undefined for an empty slot. */
  readonly readiness: Readiness | undefined
  /** One line for people. */
  readonly reason: string
  /** What the verdict rests on, in the order in which an operator would look; empty for an empty slot. */
  readonly criteria: readonly Criterion[]
}

export function abilities({ mlDsa, mlKem, classical }: Pick<TokenFacts, 'mlDsa' | 'mlKem' | 'classical'>): Ability[] {
  const can: Ability[] = [...mlDsa, ...(mlKem ? (['ML-KEM'] as const) : [])]
  return mlDsa.length === 0 && classical.length > 0 ? [...can, 'classical only'] : can
}

export function profileOfToken(module: ModuleFacts, token: TokenFacts): VendorProfile | undefined {
  const { manufacturer, description } = module
  return profileOf({ manufacturer, description, tokenManufacturer: token.manufacturer, tokenModel: token.model })
}

/**
 * Whether a quantum-safe identity can live in this slot. `ready`: in hardware; `usable`: it signs, with a claim missing, so
 * custody would not be `hsm`; `not ready`: it cannot sign now, and the reason says what is missing.
 */
export function readinessOf(slot: SlotFacts, module: ModuleFacts, probes: readonly ProbeResult[] = []): SlotReadiness {
  const { token, error } = slot
  if (error !== null) {
    const reason = t(fromWire(error))
    const broken: Criterion = { name: t('answers'), state: 'not met', weight: 'needed', finding: reason }
    return { readiness: 'not ready', reason, criteria: [broken] }
  }
  if (token === null) return { readiness: undefined, reason: 'empty', criteria: [] }
  const criteria = criteriaOf(slot, token, module, probes)
  const readiness = verdictOf(criteria)
  return { readiness, reason: reasonOf(criteria, token), criteria }
}

/** The verdict and nothing else: what is needed and not met, then what is wanted and not met or not told. */
export function verdictOf(criteria: readonly Criterion[]): Readiness {
  if (criteria.some(missing('needed'))) return 'not ready'
  return criteria.some(missing('wanted')) ? 'usable' : 'ready'
}

const missing =
  (weight: Criterion['weight']) =>
  (criterion: Criterion): boolean =>
    criterion.weight === weight && criterion.state !== 'met'

function reasonOf(criteria: readonly Criterion[], token: TokenFacts): string {
  const worst = criteria.find(missing('needed')) ?? criteria.find(missing('wanted'))
  if (worst !== undefined) return worst.finding
  const pin = pinState(token)
  if (pin === 'last try') return t('one more wrong PIN locks it')
  const made = criteria.some(({ name, state }) => name === MADE_INSIDE && state === 'met')
  const told = [
    hasVersion(token.firmware) ? t`firmware ${token.firmware}` : '',
    pin === 'unlocked' ? t('PIN set, unlocked') : t('PIN wanted'),
    made ? t('keys made inside, never extractable') : '',
  ]
  return told.filter((part) => part !== '').join(' · ')
}

const MADE_INSIDE = t('key made inside')

function criteriaOf(
  { hardware }: SlotFacts,
  token: TokenFacts,
  module: ModuleFacts,
  probes: readonly ProbeResult[],
): Criterion[] {
  const claims = claimsSeen(token, probes)
  return [
    initialised(token),
    offered(token),
    pinSet(token),
    notLocked(token),
    roomForKey(token),
    probed(probes),
    read(token),
    notSoftware(module, profileOfToken(module, token)),
    hardwareSlot(hardware),
    claimed(MADE_INSIDE, claims, madeInside, {
      yes: t('claims that keys are made inside'),
      no: t('denies that keys are made inside: custody would be unknown'),
      silent: t('does not claim that keys are made inside: custody would be unknown'),
    }),
    claimed(t('never extractable'), claims, neverExtractable, {
      yes: t('claims that keys are sensitive and never extractable'),
      no: t('denies that keys are sensitive and never extractable: custody would be unknown'),
      silent: t('does not claim that keys are sensitive and never extractable: custody would be unknown'),
    }),
    signsUnasked(token),
    firmware(token),
  ]
}

const criterion = (
  name: string,
  weight: Criterion['weight'],
  state: Criterion['state'],
  finding: string,
): Criterion => ({ name, weight, state, finding })

function initialised(token: TokenFacts): Criterion {
  return has(token, 'tokenInitialized')
    ? criterion(t('initialised'), 'needed', 'met', t('the token is initialised'))
    : criterion(t('initialised'), 'needed', 'not met', t('the token is not initialised'))
}

/** CISA's advice is to buy what has post-quantum algorithms: classical algorithms alone are no identity for years to come. */
function offered({ mlDsa, classical }: TokenFacts): Criterion {
  const name = 'ML-DSA-87'
  if (mlDsa.includes('ML-DSA-87')) return criterion(name, 'needed', 'met', t('ML-DSA-87 is offered'))
  if (mlDsa.includes('ML-DSA-65')) {
    return criterion(name, 'wanted', 'not met', t('ML-DSA-65 only: no identity for the default suite'))
  }
  if (mlDsa.length > 0) return criterion(name, 'needed', 'not met', t('ML-DSA-44 only: no suite takes it'))
  return criterion(
    name,
    'needed',
    'not met',
    classical.length === 0
      ? t('no ML-DSA mechanism, and no other signature either')
      : classical.length === 1
        ? t`no ML-DSA mechanism: ${classical.join()} falls to a quantum computer`
        : t`no ML-DSA mechanism: ${andList(classical)} fall to a quantum computer`,
  )
}

function pinSet(token: TokenFacts): Criterion {
  const name = t('PIN set')
  if (!has(token, 'loginRequired')) {
    return criterion(name, 'wanted', 'not met', t('it asks for no PIN: whoever reaches it signs'))
  }
  if (!token.loggedIn && !has(token, 'userPinInitialized')) {
    return criterion(name, 'needed', 'not met', t('no PIN set: its security officer has to set one'))
  }
  return has(token, 'toBeChanged')
    ? criterion(name, 'needed', 'not met', t('its PIN has to be changed before it is used'))
    : criterion(name, 'needed', 'met', t('a PIN is set'))
}

function notLocked(token: TokenFacts): Criterion {
  const name = t('not locked')
  if (!has(token, 'locked')) return criterion(name, 'needed', 'met', t('its PIN is not locked'))
  return token.loggedIn
    ? criterion(name, 'wanted', 'not met', t('PIN locked by somebody else: it signs until this login ends'))
    : criterion(name, 'needed', 'not met', t('PIN locked: only its security officer can set a new one'))
}

function roomForKey(token: TokenFacts): Criterion {
  const name = t('a key, or room for one')
  if (!has(token, 'writeProtected')) return criterion(name, 'needed', 'met', t('keys can be made'))
  return token.keys.length > 0
    ? criterion(name, 'needed', 'met', t('write-protected, with a key in it'))
    : criterion(name, 'needed', 'not met', t('write-protected, and it has no ML-DSA key'))
}

const NOTHING_TO_VERIFY = { step: 'verify', error: said('there was no signature') } as const

function probed(probes: readonly ProbeResult[]): Criterion {
  const name = t('probe')
  const best = ML_DSA_SETS.map((set) => probes.find(({ algorithm }) => algorithm === set)).find(
    (probe) => probe !== undefined,
  )
  if (best === undefined) return criterion(name, 'told', 'not told', t('not probed yet'))
  const verified = best.steps.some(({ step }) => step === 'verify')
  const failed = best.steps.find(({ ok }) => !ok) ?? (verified ? undefined : NOTHING_TO_VERIFY)
  if (failed === undefined) return criterion(name, 'told', 'met', t`it made, signed and verified ${best.algorithm}`)
  const finding = t`the probe of ${best.algorithm} failed at ${failed.step}: ${failed.error === null ? t('no reason told') : t(failed.error)}`
  // A failure with one parameter set says nothing against another; a key that stays behind keeps nobody from signing.
  const weight = best.algorithm !== 'ML-DSA-87' ? 'told' : failed.step === 'destroy' ? 'wanted' : 'needed'
  return criterion(name, weight, 'not met', finding)
}

function read({ error }: TokenFacts): Criterion {
  return error === null
    ? criterion(t('answers'), 'wanted', 'met', t('keys and mechanisms could be read'))
    : criterion(t('answers'), 'wanted', 'not met', t(fromWire(error)))
}

function notSoftware(module: ModuleFacts, profile: VendorProfile | undefined): Criterion {
  const name = t('not known as software')
  if (profile?.software !== true && !module.software) {
    return criterion(name, 'wanted', 'met', t('no profile and no setting knows this module as software'))
  }
  const who = profile?.software === true ? profile.name : (module.profile ?? t('the module'))
  return criterion(name, 'wanted', 'not met', t`${who} is software: custody is software`)
}

function hardwareSlot(hardware: boolean): Criterion {
  return hardware
    ? criterion(t('hardware slot'), 'wanted', 'met', t('the slot is marked as hardware'))
    : criterion(
        t('hardware slot'),
        'wanted',
        'not met',
        t('the slot is not marked as hardware: custody would be unknown'),
      )
}

/** Of the keys that can be seen, and of those that probes made; several may disagree, and one good key is an identity. */
function claimsSeen({ keys }: TokenFacts, probes: readonly ProbeResult[]): KeyClaims[] {
  const ofKeys = keys.flatMap(({ facts }) => (facts === null ? [] : [facts.claims]))
  return [...ofKeys, ...probes.flatMap(({ claims }) => (claims === undefined ? [] : [claims]))]
}

const madeInside = ({ local }: KeyClaims): boolean | null => local

function neverExtractable({ sensitive, neverExtractable, extractable }: KeyClaims): boolean | null {
  if (sensitive === false || neverExtractable === false || extractable === true) return false
  return sensitive === null || neverExtractable === null ? null : true
}

/** Before a key can be seen nothing is held against a token: what it makes is looked at when it is made. */
function claimed(
  name: string,
  seen: readonly KeyClaims[],
  of: (claims: KeyClaims) => boolean | null,
  finding: { readonly yes: string; readonly no: string; readonly silent: string },
): Criterion {
  if (seen.length === 0) return criterion(name, 'told', 'not told', t('no key to see it by; a probe tells'))
  const answers = seen.map(of)
  if (answers.includes(true)) return criterion(name, 'wanted', 'met', finding.yes)
  return answers.includes(false)
    ? criterion(name, 'wanted', 'not met', finding.no)
    : criterion(name, 'wanted', 'not told', finding.silent)
}

function signsUnasked({ keys }: TokenFacts): Criterion {
  const name = t('signs without a PIN each time')
  const asking = keys.filter(({ alwaysAuthenticate }) => alwaysAuthenticate === true)
  if (asking.length === 0)
    return criterion(name, 'told', 'met', t('no key is known to ask for its PIN at every signature'))
  return asking.length === keys.length
    ? criterion(name, 'wanted', 'not met', t('its keys ask for the PIN at every signature: make one that does not'))
    : criterion(name, 'told', 'not met', t('some of its keys ask for the PIN at every signature'))
}

function firmware({ firmware: version }: TokenFacts): Criterion {
  return hasVersion(version)
    ? criterion(t('firmware'), 'told', 'met', t`firmware ${version}`)
    : criterion(t('firmware'), 'told', 'not told', t('no firmware version told'))
}

const hasVersion = (version: string): boolean => version !== '' && version !== '0.0'

function andList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : t`${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}
