import path from 'node:path'
import type {
  InventoryKey,
  InventoryModule,
  InventorySlot,
  InventoryToken,
  InventoryVault,
  ProbeResult,
} from '../../contracts/inventory.ts'
import type { CustodyFacts, FoundKey, KeyClaims, ModuleFacts, SlotFacts, TokenFacts } from '../../contracts/keyFacts.ts'
import { thumbprint } from '../../crypto/jwk.ts'
import { CountersignError } from '../../support/errors.ts'
import { custodyOf } from './custody.ts'
import type { VendorProfile } from './profiles.ts'
import { abilities, profileOfToken, readinessOf } from './readiness.ts'
import type { KeyProcess } from './supervisor.ts'
import { flagWords, has, pinState } from './tokenFlags.ts'

/** What probes found in a slot, as long as the token that was probed is in it. */
export type ProbesOf = (slot: number, serial: string) => readonly ProbeResult[]

/**
 * Looks at a module: loads it if it is not, and asks for all that can be seen without a login that is not there.
 * @throws CountersignError of the module (`module-load`, …) and of the process
 */
export async function readModule(keyProcess: KeyProcess, probesOf: ProbesOf = () => []): Promise<InventoryModule> {
  const { holds } = keyProcess
  if (holds.kind !== 'module') throw new CountersignError('usage', 'This key process holds no module.')
  // Without the start of the process in it, the time would say nothing about the module.
  await keyProcess.connection()
  const began = performance.now()
  const { module, slots } = await keyProcess.call('inventory', {})
  const answersIn = performance.now() - began
  keyProcess.worked()
  return {
    path: holds.path,
    name: module.profile ?? (module.manufacturer || path.basename(holds.path)),
    manufacturer: module.manufacturer,
    description: module.description,
    version: module.version,
    cryptoki: module.cryptoki,
    software: module.software,
    answersIn,
    slots: slots.map((slot) => slotView(slot, module, slot.token ? probesOf(slot.slot, slot.token.serial) : [])),
  }
}

/** The keys of a vault file, unverified until it is opened. @throws CountersignError `key-missing`, `vault-corrupt`, … */
export async function readVault(keyProcess: KeyProcess, file: string): Promise<InventoryVault> {
  const { keys, lock } = await keyProcess.call('inspectVault', { file })
  const nothing = { hardwareSlot: false, profile: 'vault', software: true }
  return { file, lock, keys: keys.map((key) => keyView(key, nothing)) }
}

function slotView(slot: SlotFacts, module: ModuleFacts, probes: readonly ProbeResult[]): InventorySlot {
  const { readiness, reason, criteria } = readinessOf(slot, module, probes)
  return {
    slot: slot.slot,
    where: { slot: slot.slot },
    description: slot.description,
    hardware: slot.hardware,
    token: slot.token === null ? undefined : tokenView(slot, slot.token, module),
    readiness,
    reason,
    criteria,
    probes,
    quirks: slot.token === null ? [] : quirksOf(profileOfToken(module, slot.token)),
  }
}

function quirksOf(profile: VendorProfile | undefined): readonly string[] {
  if (profile === undefined) return ['No profile knows this module: the numbers of PKCS#11 v3.2 are used.']
  return profile.quirks
}

function tokenView(slot: SlotFacts, token: TokenFacts, module: ModuleFacts): InventoryToken {
  const { label, manufacturer, model, serial, firmware, hardwareVersion, sessions, memory, mlDsa, keys } = token
  const pin = pinState(token)
  const profile = profileOfToken(module, token)
  const software = module.software || profile?.software === true
  const known = { hardwareSlot: slot.hardware, profile: profile?.name ?? null, software }
  return {
    label,
    manufacturer,
    model,
    serial,
    firmware,
    hardwareVersion,
    flags: flagWords(token),
    sessions,
    memory,
    keypad: has(token, 'keypad'),
    pin,
    can: abilities(token),
    keys: keys.map((key) => keyView(key, known)),
    listed: token.error === null && (pin === 'unlocked' || pin === 'none'),
    canCreate:
      mlDsa.length > 0 && !has(token, 'writeProtected') && (pin === 'unlocked' || pin === 'wanted' || pin === 'none'),
    initialised: has(token, 'tokenInitialized'),
  }
}

/** Before a login nothing is known of the private half: every claim that custody `hsm` needs is missing. */
const SILENT: KeyClaims = {
  sensitive: null,
  alwaysSensitive: null,
  extractable: null,
  neverExtractable: null,
  local: null,
  token: null,
  sign: null,
  modifiable: null,
}

function keyView(found: FoundKey, known: Omit<CustodyFacts, 'claims'>): InventoryKey {
  const { label, algorithm, publicKey, id, facts } = found
  const { custody, reasons } = custodyOf(facts ?? { ...known, claims: SILENT })
  const shown = facts === null && !known.software ? ['the token is locked: its claims cannot be read'] : reasons
  return {
    label,
    algorithm,
    kid: thumbprint(algorithm, publicKey),
    publicKey,
    id,
    custody,
    reasons: shown,
    claims: facts?.claims ?? null,
    notReady: whyNot(found),
  }
}

/** A key that would ask a person at every signature cannot sign every context; agents do not wait, and nobody types that often. */
function whyNot({ algorithm, alwaysAuthenticate, facts }: FoundKey): string | undefined {
  if (algorithm === 'ML-DSA-44') return 'no suite takes ML-DSA-44'
  if (alwaysAuthenticate === true) return 'it asks for the PIN at every signature (CKA_ALWAYS_AUTHENTICATE)'
  return facts?.claims.sign === false ? 'it may not sign (CKA_SIGN)' : undefined
}
