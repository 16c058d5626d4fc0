import * as v from 'valibot'
import { count, custody, digest, instant, label, list, measured, type Of, ref, sentence } from './panelSchema.ts'

/** The tree of modules, slots with their tokens, and keys, as the HSM view draws it. All of it is what a module claims. */

/** What a person can do with a slot and with a key; the host says which of them make sense now. */
export const SLOT_ACTIONS = ['probe', 'unlock', 'lock', 'changePin', 'resetPin', 'initialise', 'createKey'] as const
export const KEY_ACTIONS = ['rotate', 'retire', 'revoke', 'destroy', 'copyJwk', 'copyPem', 'copyWords'] as const
export type SlotAction = (typeof SLOT_ACTIONS)[number]
export type KeyAction = (typeof KEY_ACTIONS)[number]

export const LIFE_STATES = ['planned', 'active', 'retiring', 'retired', 'revoked'] as const

/** Where a key is in its life. A date may lie ahead: that of a key that is retiring and signs until then. */
export const lifeSchema = v.strictObject({
  state: v.picklist(LIFE_STATES),
  planned: v.optional(instant),
  active: v.optional(instant),
  retiring: v.optional(instant),
  retired: v.optional(instant),
  revoked: v.optional(instant),
  /** Label of the key that follows. */
  successor: v.optional(label),
})

/** What a key did since the editor started. The lists hold the latest, oldest first. */
export const signingSchema = v.strictObject({
  roots: count,
  contexts: count,
  failed: count,
  /** Milliseconds of each signature, and their median. */
  took: list(measured, 200),
  p50: v.optional(measured),
  /** Contexts that each root covers, and their mean. */
  sizes: list(count, 200),
  mean: v.optional(measured),
})

export const hsmKeySchema = v.strictObject({
  /** Names the key: it stays the same however the inventory changes around it. */
  ref,
  label,
  algorithm: label,
  kid: v.optional(digest),
  words: list(label, 6),
  /** CKA_ID in hexadecimal. */
  id: v.optional(label),
  custody,
  /** Why custody is what it is: "the module is software", "does not claim that it was made inside". */
  custodyReason: v.optional(sentence),
  /** It signs the next context. */
  identity: v.boolean(),
  /** It can be chosen as the identity. */
  selectable: v.boolean(),
  /** Why it cannot be the identity, whatever its slot can do. */
  notReady: v.optional(sentence),
  publicKeyBytes: v.optional(count),
  life: v.optional(lifeSchema),
  /** As claimed; `counts` marks the claims that custody hsm needs. `value` undefined: the module gives no answer. */
  attributes: list(
    v.strictObject({
      name: label,
      value: v.optional(v.boolean()),
      wanted: v.optional(v.boolean()),
      counts: v.boolean(),
    }),
    32,
  ),
  /** Undefined: nothing was counted. */
  signing: v.optional(signingSchema),
  actions: list(v.picklist(KEY_ACTIONS), KEY_ACTIONS.length),
})

export const READINESS = ['ready', 'usable', 'not ready'] as const

/** What the verdict of a slot rests on (src/keys/hsm/readiness.ts). */
export const criterionSchema = v.strictObject({
  name: label,
  state: v.picklist(['met', 'not met', 'not told']),
  weight: v.picklist(['needed', 'wanted', 'told']),
  finding: sentence,
})

export const probeSchema = v.strictObject({
  algorithm: label,
  at: instant,
  steps: list(
    v.strictObject({
      step: v.picklist(['generate', 'sign', 'verify', 'destroy']),
      ok: v.boolean(),
      ms: measured,
      error: v.optional(sentence),
    }),
    8,
  ),
})

export const hsmSlotSchema = v.strictObject({
  ref,
  /** The slot number, as text. */
  slot: label,
  description: v.optional(label),
  /** CKF_HW_SLOT; undefined where nobody asked: the vault. */
  hardware: v.optional(v.boolean()),
  /** undefined: an empty slot. */
  token: v.optional(
    v.strictObject({
      label,
      manufacturer: v.optional(label),
      model: v.optional(label),
      serial: v.optional(label),
      firmware: v.optional(label),
      hardwareVersion: v.optional(label),
      initialised: v.boolean(),
      keypad: v.boolean(),
      /** What is remarkable of its flags, in words. */
      flags: list(label, 16),
      sessions: v.optional(v.strictObject({ open: v.optional(count), most: v.optional(count) })),
      memory: v.optional(v.strictObject({ publicFree: count, privateFree: count })),
    }),
  ),
  /** What it can do: "ML-DSA-87"; `no`: a limitation, "classical only". */
  can: list(v.strictObject({ label, no: v.optional(v.boolean()) }), 16),
  readiness: v.optional(v.picklist(READINESS)),
  /** One line that says why. */
  reason: v.optional(sentence),
  criteria: list(criterionSchema, 24),
  /** At most one for each parameter set. */
  probes: list(probeSchema, 3),
  /** What is known of tokens of this kind. */
  quirks: list(sentence, 8),
  pin: v.picklist(['unlocked', 'wanted', 'last try', 'locked', 'to be changed', 'not set', 'none']),
  /** Keys can be listed; false while the token waits for its PIN. */
  listed: v.boolean(),
  actions: list(v.picklist(SLOT_ACTIONS), SLOT_ACTIONS.length),
  keys: list(hsmKeySchema, 256),
})

export const hsmModuleSchema = v.strictObject({
  ref,
  /** `vault`: the embedded software token, drawn as software. */
  kind: v.picklist(['module', 'vault']),
  name: label,
  /** File name and version: "libsofthsm2.so 2.6.1". */
  detail: v.optional(label),
  path: v.optional(v.pipe(v.string(), v.maxLength(4096))),
  manufacturer: v.optional(label),
  description: v.optional(label),
  /** The version of PKCS#11 that it speaks. */
  cryptoki: v.optional(label),
  /** `silent`: it was asked and says nothing; what is below is of before. */
  state: v.picklist(['loading', 'loaded', 'failed', 'silent']),
  /** Why it did not load. */
  reason: v.optional(sentence),
  /** Round trip of the last call, ms. */
  answersIn: v.optional(measured),
  slots: list(hsmSlotSchema, 64),
})

export const hsmSchema = v.strictObject({
  state: v.picklist(['loading', 'ready', 'failed']),
  reason: v.optional(sentence),
  refreshedAt: v.optional(instant),
  modules: list(hsmModuleSchema, 32),
})

export type PanelHsmLife = Of<typeof lifeSchema>
export type PanelHsmKey = Of<typeof hsmKeySchema>
export type PanelHsmSlot = Of<typeof hsmSlotSchema>
export type PanelHsmModule = Of<typeof hsmModuleSchema>
export type PanelHsm = Of<typeof hsmSchema>

/** Of what a slot can do, what its row has room for: a parameter set that no suite takes is told in the detail only. */
export function inRow(can: PanelHsmSlot['can']): PanelHsmSlot['can'] {
  const fits = can.some(({ label }) => label === 'ML-DSA-87' || label === 'ML-DSA-65')
  return fits ? can.filter(({ label }) => label !== 'ML-DSA-44') : can
}
