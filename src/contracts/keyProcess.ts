import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'
import type { ErrorCode } from '../support/errors.ts'
import { wireSentence } from './wireSentence.ts'
import { said, type Sentence } from '../support/l10n.ts'
import {
  algorithm,
  algorithmSet,
  bytesOf,
  bytesUpTo,
  closedKey,
  foundKey,
  keyClaims,
  milliseconds,
  moduleFacts,
  openedKey,
  probeStep,
  publicKeyBytes,
  safeInteger,
  secretBytes,
  slotFacts,
} from './keyFacts.ts'
import { signInput } from './signInput.ts'

/**
 * The messages between an editor or a gateway and its key processes. Each is declared once, with parameters and result,
 * and parsed on both sides: the process trusts no request, the supervisor no reply.
 *
 * Absent on purpose: a message that returns a private key or a seed, and one that signs bytes which somebody else chose.
 */

const file = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
const label = v.pipe(v.string(), v.minLength(1), v.maxLength(200))

/** Mechanism and attribute numbers of ML-DSA, for modules that follow no standard (PKCS#11 v3.2 otherwise). */
export const mlDsaIds = v.strictObject({
  keyGen: safeInteger,
  sign: safeInteger,
  keyType: safeInteger,
  parameterSet: safeInteger,
  /** `attribute`: CKA_PARAMETER_SET of the key template; `mechanism`: CK_ULONG parameter of the mechanism. */
  parameterIn: v.picklist(['attribute', 'mechanism']),
})
export type MlDsaIds = v.InferOutput<typeof mlDsaIds>

/** What a key process holds for its whole life: one PKCS#11 module with one set of library parameters, or vaults. */
const holds = v.variant('kind', [
  v.strictObject({
    kind: v.literal('module'),
    path: file,
    libraryParameters: v.exactOptional(v.pipe(v.string(), v.maxLength(4096))),
    ids: v.exactOptional(mlDsaIds),
    /** The user says that this module is software: an override may lower a custody, never raise it. */
    software: v.exactOptional(v.literal(true)),
    /** Names of environment variables that the module reads its configuration from, besides those of the profiles. */
    environment: v.exactOptional(
      v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(200))), v.maxLength(50)),
    ),
    /** Signatures that the token makes at the same time. */
    lanes: v.exactOptional(v.pipe(safeInteger, v.minValue(1), v.maxValue(16))),
  }),
  v.strictObject({ kind: v.literal('vault') }),
])
export type Holds = v.InferOutput<typeof holds>

/** A slot by its CK_SLOT_ID, or a token by its label (CK_TOKEN_INFO.label without the padding). */
const where = v.union([v.strictObject({ slot: safeInteger }), v.strictObject({ token: label })])
export type Where = v.InferOutput<typeof where>

/** What opens a vault: 32 bytes in a file of the user's own, a passphrase (scrypt), or 32 bytes from a secret store. */
const vaultKey = v.variant('kind', [
  v.strictObject({ kind: v.literal('keyFile'), path: file }),
  v.strictObject({ kind: v.literal('passphrase'), passphrase: secretBytes(1, 1024) }),
  v.strictObject({ kind: v.literal('key'), key: secretBytes(32, 32) }),
])
export type VaultKey = v.InferOutput<typeof vaultKey>

/** UTF-8, wiped by the process; null: the token asks on its own keypad (CKF_PROTECTED_AUTHENTICATION_PATH). */
const pin = v.nullable(secretBytes(0, 500))

/** What a probe signs: this label, a zero byte and 32 random bytes. It is the input of no kind of the closed union. */
export const PROBE_LABEL = 'countersign/1 probe'

const nothing = v.strictObject({})

export const OPERATIONS = {
  /** The first request of every process; any other before it, or a second one, is refused. */
  start: { params: v.strictObject({ holds }), result: v.strictObject({ module: v.nullable(moduleFacts) }) },
  /** Slots and tokens of the module, with the keys that can be seen. */
  inventory: {
    params: nothing,
    result: v.strictObject({ module: moduleFacts, slots: v.pipe(v.array(slotFacts), v.maxLength(256)) }),
  },
  /** A short digest of what a person sees change: slots, tokens, their flags, who is logged in. Cheap; asked once a second. */
  glance: { params: nothing, result: v.strictObject({ state: v.pipe(v.string(), v.minLength(1), v.maxLength(100)) }) },
  /** C_Login of the normal user. A token that is unlocked is locked first: the login proves that the PIN is known now. */
  login: { params: v.strictObject({ where, pin }), result: v.null() },
  /** C_Logout and the end of all keys that are open in that token. */
  logout: { params: v.strictObject({ where }), result: v.null() },
  /** C_SetPIN by the old PIN: the user's, or the security officer's, which some tokens want changed before it does anything. */
  changePin: {
    params: v.strictObject({ where, who: v.exactOptional(v.picklist(['user', 'so'])), old: pin, pin }),
    result: v.null(),
  },
  /** The security officer sets the user's PIN (C_InitPIN): one that is locked, or was never set. Ends logins and keys. */
  resetPin: { params: v.strictObject({ where, soPin: pin, pin }), result: v.null() },
  /** C_InitToken, then the user's PIN by `soPin`. Destroys what the token held. */
  initToken: { params: v.strictObject({ slot: safeInteger, label, soPin: pin, pin }), result: v.null() },
  /** Opens the one ML-DSA key pair of that label. */
  open: { params: v.strictObject({ where, label }), result: openedKey },
  /** Makes a key pair inside the token: sensitive, not extractable. Refused where the label is taken. */
  generate: {
    params: v.strictObject({ where, label, algorithm: algorithmSet, id: v.exactOptional(bytesUpTo(1, 64)) }),
    result: v.union([openedKey, closedKey]),
  },
  /** Destroys the one key pair with exactly this label and public key, and closes it. `objects`: 1 or 2. */
  destroy: {
    params: v.strictObject({ where, label, publicKey: publicKeyBytes }),
    result: v.strictObject({ objects: v.pipe(safeInteger, v.minValue(1)) }),
  },
  /** What the token really does, with a key pair of its own that is gone afterwards. The caller verifies the signature. */
  probe: {
    params: v.strictObject({ where, algorithm: algorithmSet }),
    result: v.strictObject({
      steps: v.pipe(v.array(probeStep), v.minLength(1), v.maxLength(3)),
      publicKey: v.exactOptional(publicKeyBytes),
      /** 52 bytes: `PROBE_LABEL`, a zero byte, 32 random bytes. */
      message: v.exactOptional(bytesOf(52)),
      /** As the token returned it: a wrong length is a finding, not a broken process. */
      signature: v.exactOptional(bytesUpTo(0, 8192)),
      claims: v.exactOptional(keyClaims),
    }),
  },
  /** Keys of a vault file; labels and public keys are not secret, so this needs no key. They are unverified until opened. */
  inspectVault: {
    params: v.strictObject({ file }),
    result: v.strictObject({ keys: v.pipe(v.array(foundKey), v.maxLength(64)), lock: v.picklist(['key', 'scrypt']) }),
  },
  openVault: { params: v.strictObject({ file, unlock: vaultKey, label }), result: openedKey },
  /** Adds a key to a vault, and makes vault and key file where there are none. Refused where the label is taken. */
  createVault: { params: v.strictObject({ file, unlock: vaultKey, label, algorithm }), result: openedKey },
  /** Takes one key out of a vault, whose secret has to open it; the file goes with its last key. `left`: keys in it now. */
  destroyVaultKey: {
    params: v.strictObject({ file, unlock: vaultKey, label, publicKey: bytesOf(1952, 2592) }),
    result: v.strictObject({ left: safeInteger }),
  },
  /**
   * Signs one input of the closed union; `took` is the milliseconds of the signature itself. `behind` is the root of a batch
   * that was asked for before: this one is signed after it, and never without it (`predecessor-unsigned`).
   */
  sign: {
    params: v.pipe(
      v.strictObject({ handle: safeInteger, input: signInput, behind: v.exactOptional(bytesOf(48)) }),
      v.check(({ input, behind }) => behind === undefined || input.kind === 'batch', 'Only a batch is behind another'),
    ),
    result: v.strictObject({ signature: bytesOf(3309, 4627), took: milliseconds }),
  },
} as const

export type Operation = keyof typeof OPERATIONS
export type Params<O extends Operation> = v.InferOutput<(typeof OPERATIONS)[O]['params']>
export type Result<O extends Operation> = v.InferOutput<(typeof OPERATIONS)[O]['result']>

/** One function an operation: what a key process implements. */
export type Handlers = { readonly [O in Operation]: (params: Params<O>) => Promise<Result<O>> | Result<O> }

/** Codes that a key process may answer with; any other in a reply means that the process is not ours any more. */
export const PROCESS_ERRORS = [
  'usage',
  'file-unreadable',
  'file-permissions',
  'length',
  'limit',
  'algorithm-unsupported',
  'decrypt-failed',
  'vault-locked',
  'vault-corrupt',
  'key-missing',
  'key-exists',
  'key-ambiguous',
  'module-load',
  'module-invalid',
  'module-unsupported',
  'slot-missing',
  'token-missing',
  'token-unsupported',
  'token-busy',
  'pin-wrong',
  'pin-locked',
  'pin-needed',
  'pin-expired',
  'login-failed',
  'pkcs11',
  'predecessor-unsigned',
  // an input that the closed union allows in shape, but not in content
  'statement-invalid',
  'batch-invalid',
  'peer-protocol',
  'decode',
  'internal',
] as const satisfies readonly ErrorCode[]

const request = v.strictObject({
  id: safeInteger,
  operation: v.custom<Operation>((name) => typeof name === 'string' && Object.hasOwn(OPERATIONS, name)),
  params: v.unknown(),
})

const reply = v.variant('ok', [
  v.strictObject({ id: safeInteger, ok: v.literal(true), result: v.unknown() }),
  v.strictObject({
    id: safeInteger,
    ok: v.literal(false),
    error: v.strictObject({
      code: v.picklist(PROCESS_ERRORS),
      sentence: wireSentence,
      ckr: v.exactOptional(safeInteger),
    }),
  }),
])
export type Reply = v.InferOutput<typeof reply>

/** @throws CountersignError `usage` */
export function parseRequest(raw: unknown): {
  readonly id: number
  readonly operation: Operation
  readonly params: unknown
} {
  return check(request, raw, 'usage', said('A request to the key process'))
}

/** @throws CountersignError `usage` */
export function parseParams<O extends Operation>(operation: O, raw: unknown): Params<O> {
  return check(OPERATIONS[operation].params, raw, 'usage', said`A request "${operation}"`) as Params<O>
}

/** @throws CountersignError `key-process-reply` */
export function parseReply(raw: unknown): Reply {
  return check(reply, raw, 'key-process-reply', said('A reply of the key process'))
}

/** @throws CountersignError `key-process-reply` */
export function parseResult<O extends Operation>(operation: O, raw: unknown): Result<O> {
  return check(OPERATIONS[operation].result, raw, 'key-process-reply', said`The reply to "${operation}"`) as Result<O>
}

type Schema = v.GenericSchema<unknown, unknown>

/** Only the path of what is wrong goes into the message: the value could be a PIN. */
function check<S extends Schema>(schema: S, raw: unknown, code: ErrorCode, what: Sentence): v.InferOutput<S> {
  const parsed = v.safeParse(schema, raw, { abortEarly: true })
  if (parsed.success) return parsed.output
  const path = v.getDotPath(parsed.issues[0]) ?? 'message'
  throw new CountersignError(code, said`${what} has the wrong shape at "${path.slice(0, 60)}".`)
}
