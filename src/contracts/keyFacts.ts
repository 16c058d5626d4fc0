import * as v from 'valibot'
import { wireSentence } from './wireSentence.ts'

/**
 * What a key process says about modules, tokens and keys. All of it is a claim: of a PKCS#11 module, relayed by a process
 * that may have been taken over by that module. Shapes and bounds are checked here; belief is somebody else's business.
 */

/** What an identity can have. */
export const ML_DSA = ['ML-DSA-87', 'ML-DSA-65'] as const
/** What a token can have: ML-DSA-44 is listed, made and probed, but no suite takes it. */
export const ML_DSA_SETS = ['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44'] as const
export type MlDsaSet = (typeof ML_DSA_SETS)[number]
export const CLASSICAL = ['RSA', 'ECDSA', 'EdDSA'] as const

/** FIPS 204, table 2. */
export const PUBLIC_KEY_BYTES: Readonly<Record<MlDsaSet, number>> = {
  'ML-DSA-87': 2592,
  'ML-DSA-65': 1952,
  'ML-DSA-44': 1312,
}
export const safeInteger = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const milliseconds = v.pipe(v.number(), v.finite(), v.minValue(0))
export const text = v.pipe(v.string(), v.maxLength(500))

const bytesWhere = (fits: (length: number) => boolean, expected: string) =>
  v.custom<Uint8Array>((value) => value instanceof Uint8Array && fits(value.length), expected)

/**
 * Bytes of one of these lengths, copied: what arrives over IPC may be a Buffer over a pool, and everything behind this
 * line may rely on a plain Uint8Array of its own.
 */
export const bytesOf = (...lengths: readonly number[]) =>
  v.pipe(
    bytesWhere((length) => lengths.includes(length), `Expected ${lengths.join(' or ')} bytes`),
    v.transform((bytes): Uint8Array => new Uint8Array(bytes)),
  )

/** Bytes of a bounded length, copied. */
export const bytesUpTo = (least: number, most: number) =>
  v.pipe(
    secretBytes(least, most),
    v.transform((bytes): Uint8Array => new Uint8Array(bytes)),
  )

/** Bytes of a bounded length, not copied: whoever receives a secret wipes the one buffer that there is. */
export const secretBytes = (least: number, most: number) =>
  bytesWhere((length) => length >= least && length <= most, `Expected ${least} to ${most} bytes`)

export const algorithm = v.picklist(ML_DSA)
export const algorithmSet = v.picklist(ML_DSA_SETS)
/** A raw public key of any parameter set. */
export const publicKeyBytes = bytesOf(1312, 1952, 2592)

/** An attribute that a module may not know or not tell is null: "does not say" is neither true nor false. */
const claim = v.nullable(v.boolean())

/** Attributes of a private key as the module claims them (PKCS#11 v3.2, section 4.9). */
export const keyClaims = v.strictObject({
  sensitive: claim,
  alwaysSensitive: claim,
  extractable: claim,
  neverExtractable: claim,
  /** CKA_LOCAL, or a CKA_KEY_GEN_MECHANISM that is there: made inside the token. */
  local: claim,
  token: claim,
  sign: claim,
  modifiable: claim,
})
export type KeyClaims = v.InferOutput<typeof keyClaims>

/** Everything that the custody rule looks at; both ends of the process boundary apply the same rule to the same facts. */
export const custodyFacts = v.strictObject({
  /** CKF_HW_SLOT of the key's slot. */
  hardwareSlot: v.boolean(),
  /** Name of the vendor profile that recognised the module, or null. */
  profile: v.nullable(text),
  /** The vault, or a module whose profile says that it is software. */
  software: v.boolean(),
  claims: keyClaims,
})
export type CustodyFacts = v.InferOutput<typeof custodyFacts>

const OTHER_LENGTH = 'The public key has the length of another algorithm'

/** A key that is open for signing; `handle` means something in one process only and dies with it. */
export const openedKey = v.pipe(
  v.strictObject({
    handle: safeInteger,
    label: text,
    algorithm,
    publicKey: bytesOf(1952, 2592),
    facts: custodyFacts,
    /** For people: "NSS softoken, slot 2". */
    where: text,
  }),
  v.check((key) => key.publicKey.length === PUBLIC_KEY_BYTES[key.algorithm], OTHER_LENGTH),
)
export type OpenedKey = v.InferOutput<typeof openedKey>

/** A key that was made and is not open: no suite takes ML-DSA-44, so there is nothing that it could sign. */
export const closedKey = v.strictObject({
  handle: v.null(),
  label: text,
  algorithm: v.literal('ML-DSA-44'),
  publicKey: bytesOf(1312),
  facts: custodyFacts,
  where: text,
})
export type ClosedKey = v.InferOutput<typeof closedKey>

export const foundKey = v.pipe(
  v.strictObject({
    label: text,
    algorithm: algorithmSet,
    publicKey: publicKeyBytes,
    /** CKA_ID in hexadecimal, up to 64 bytes of it; null where the key has none. */
    id: v.nullable(v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}){1,64}$/))),
    /** CKA_ALWAYS_AUTHENTICATE of the private key: the token wants the PIN for every signature. */
    alwaysAuthenticate: claim,
    /** Null where the private key cannot be seen without logging in. */
    facts: v.nullable(custodyFacts),
  }),
  v.check((key) => key.publicKey.length === PUBLIC_KEY_BYTES[key.algorithm], OTHER_LENGTH),
)
export type FoundKey = v.InferOutput<typeof foundKey>

export const tokenFacts = v.strictObject({
  label: text,
  manufacturer: text,
  model: text,
  serial: text,
  firmware: text,
  hardwareVersion: text,
  /** CK_TOKEN_INFO.flags (PKCS#11 v3.2, section 3.2, table "Token Information Flags"). */
  flags: safeInteger,
  loggedIn: v.boolean(),
  /** Of this process. Null where the token does not say, and for `most` where it sets no limit. */
  sessions: v.strictObject({ open: v.nullable(safeInteger), most: v.nullable(safeInteger) }),
  /** Bytes, null where the token does not say. */
  memory: v.nullable(v.strictObject({ publicFree: safeInteger, privateFree: safeInteger })),
  /** Algorithms that the token has a signing mechanism for. */
  mlDsa: v.pipe(v.array(algorithmSet), v.maxLength(ML_DSA_SETS.length)),
  mlKem: v.boolean(),
  classical: v.array(v.picklist(CLASSICAL)),
  keys: v.pipe(v.array(foundKey), v.maxLength(1000)),
  /** Why keys or mechanisms could not be read, or null. */
  error: v.nullable(wireSentence),
})
export type TokenFacts = v.InferOutput<typeof tokenFacts>

export const slotFacts = v.strictObject({
  /** CK_SLOT_ID as the module reports it, not an index. */
  slot: safeInteger,
  description: text,
  hardware: v.boolean(),
  token: v.nullable(tokenFacts),
  /** Why the token could not be read, or null. */
  error: v.nullable(wireSentence),
})
export type SlotFacts = v.InferOutput<typeof slotFacts>

export const moduleFacts = v.strictObject({
  manufacturer: text,
  description: text,
  /** "3.131" */
  version: text,
  cryptoki: text,
  profile: v.nullable(text),
  software: v.boolean(),
})
export type ModuleFacts = v.InferOutput<typeof moduleFacts>

/** One thing that a token was asked to do. */
export const probeStep = v.strictObject({
  step: v.picklist(['generate', 'sign', 'destroy']),
  ok: v.boolean(),
  ms: milliseconds,
  /** Why the step failed. */
  error: v.exactOptional(wireSentence),
})
export type ProbeStep = v.InferOutput<typeof probeStep>
