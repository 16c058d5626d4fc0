import type { Custody } from './custody.ts'
import type { KeyClaims, MlDsaSet } from './keyFacts.ts'
import type { Where } from './keyProcess.ts'
import type { Sentence } from '../support/l10n.ts'

/**
 * What there is to sign with: modules, their slots and tokens, keys, and the vault. The host makes it from the facts of the
 * key processes; the panel draws it. Every name and attribute in it is a module's claim.
 */
export interface InventoryKey {
  readonly label: string
  readonly algorithm: MlDsaSet
  readonly kid: string
  /** Raw, 2592, 1952 or 1312 bytes (FIPS 204, table 2). */
  readonly publicKey: Uint8Array
  /** CKA_ID in hexadecimal, or null. */
  readonly id: string | null
  /** Of a key whose private half cannot be seen before login: what it would be at most, by module and slot. */
  readonly custody: Custody
  /** Why it is not `hsm`; empty for `hsm`. */
  readonly reasons: readonly string[]
  /** Null until the token is unlocked. */
  readonly claims: KeyClaims | null
  /** Why it cannot be the identity, whatever its slot can do; undefined: it can. */
  readonly notReady: string | undefined
}

export type Readiness = 'ready' | 'usable' | 'not ready'

/**
 * `last try`: one more wrong PIN locks the token. `to be changed`: it is the one that somebody else set. `none`: the token
 * asks for no PIN.
 */
export type PinState = 'unlocked' | 'wanted' | 'last try' | 'locked' | 'to be changed' | 'not set' | 'none'

/** What a token can do; `classical only` is a limitation. */
export type Ability = MlDsaSet | 'ML-KEM' | 'classical only'

/**
 * What one verdict rests on. `weight`: a slot is not ready without what is `needed`, and usable at most without what is
 * `wanted`; what is merely `told` decides nothing.
 */
export interface Criterion {
  readonly name: string
  readonly state: 'met' | 'not met' | 'not told'
  readonly weight: 'needed' | 'wanted' | 'told'
  /** What was seen, in a few words that can stand alone. */
  readonly finding: string
}

export interface ProbeStep {
  readonly step: 'generate' | 'sign' | 'verify' | 'destroy'
  readonly ok: boolean
  /** Milliseconds, measured. */
  readonly ms: number
  readonly error: Sentence | null
}

/** What a token did with a key of its own that is gone again; `verify` was done here, in software. */
export interface ProbeResult {
  readonly algorithm: MlDsaSet
  /** Milliseconds since 1970. */
  readonly at: number
  readonly steps: readonly ProbeStep[]
  /** What the token claimed of the key that it made; undefined: it made none. */
  readonly claims?: KeyClaims
}

export interface InventoryToken {
  readonly label: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
  readonly firmware: string
  readonly hardwareVersion: string
  /** CK_TOKEN_INFO.flags in words, the ones that matter to an operator. */
  readonly flags: readonly string[]
  readonly sessions: { readonly open: number | null; readonly most: number | null }
  /** Bytes. */
  readonly memory: { readonly publicFree: number; readonly privateFree: number } | null
  /** It takes its PIN on a keypad of its own. */
  readonly keypad: boolean
  readonly pin: PinState
  readonly can: readonly Ability[]
  readonly keys: readonly InventoryKey[]
  /** Whether the list of keys is whole: private keys are visible only after the login. */
  readonly listed: boolean
  readonly canCreate: boolean
  /** It was never initialised, or holds nothing and waits for its security officer. */
  readonly initialised: boolean
}

export interface InventorySlot {
  /** CK_SLOT_ID. */
  readonly slot: number
  readonly where: Where
  readonly description: string
  readonly hardware: boolean
  /** Undefined for an empty slot, and where the token could not be read. */
  readonly token: InventoryToken | undefined
  /** Undefined for an empty slot. */
  readonly readiness: Readiness | undefined
  /** One line that says why. */
  readonly reason: string
  /** Empty for an empty slot. */
  readonly criteria: readonly Criterion[]
  /** At most one for each parameter set: the latest. */
  readonly probes: readonly ProbeResult[]
  /** What is known of tokens of this kind, and how sure its numbers for ML-DSA are. */
  readonly quirks: readonly string[]
}

export interface InventoryModule {
  readonly path: string
  /** The profile's name, or what the module calls its manufacturer. */
  readonly name: string
  readonly manufacturer: string
  readonly description: string
  readonly version: string
  /** Version of PKCS#11 that the module speaks. */
  readonly cryptoki: string
  /** Software whatever it claims. */
  readonly software: boolean
  /** Milliseconds that the module took to answer. */
  readonly answersIn: number
  readonly slots: readonly InventorySlot[]
}

export interface InventoryVault {
  readonly file: string
  readonly lock: 'key' | 'scrypt'
  readonly keys: readonly InventoryKey[]
}
