import {
  OPERATIONS,
  type Operation,
  parseParams,
  parseReply,
  parseRequest,
  parseResult,
} from '../../../src/contracts/keyProcess.ts'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { readPublicKey } from '../../../src/keys/process/pkcs11/attributes.ts'
import { parseVault, serialiseVault } from '../../../src/keys/process/vault/format.ts'
import { exact, mustBeBytes, parses, type Target } from '../engine/target.ts'
import { HASH, KID, PUBLIC_KEY, SIGNATURE, SMALL_PUBLIC_KEY, STATEMENTS } from './samples.ts'
import { unchanged, valuesOf } from './values.ts'

const suite = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const where = { slot: 1 }
const hash = HASH
const claims = {
  sensitive: true,
  alwaysSensitive: null,
  extractable: false,
  neverExtractable: true,
  local: true,
  token: true,
  sign: true,
  modifiable: null,
}
const facts = { hardwareSlot: true, profile: null, software: false, claims }
const module = { manufacturer: 'm', description: 'd', version: '1.0', cryptoki: '3.2', profile: null, software: true }
const found = {
  label: 'k',
  algorithm: 'ML-DSA-65',
  publicKey: SMALL_PUBLIC_KEY,
  id: 'a1ff',
  alwaysAuthenticate: null,
  facts: null,
}
const token = {
  label: 't',
  manufacturer: 'm',
  model: 'x',
  serial: '1',
  firmware: '1.0',
  hardwareVersion: '1.0',
  sessions: { open: 1, most: null },
  memory: { publicFree: 1, privateFree: 0 },
  flags: 1037,
  loggedIn: true,
  mlDsa: ['ML-DSA-87'],
  mlKem: false,
  classical: ['RSA'],
  keys: [found],
  error: null,
}
const SMALLEST_PUBLIC_KEY = new Uint8Array(1312).fill(4)
const PROBE = new Uint8Array(52).fill(5)
const TRANSITION = {
  kind: 'transition',
  from: { algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY },
  to: { algorithm: 'ML-DSA-65', publicKey: SMALL_PUBLIC_KEY },
  at: 1_790_000_000_000,
}
const opened = { handle: 1, label: 'k', algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY, facts, where: 'slot 1' }
const slots = [{ slot: 1, description: 's', hardware: false, token, error: null }]

/** Parameters and result of each operation: a new one does not compile without its line. */
const SAMPLES: { readonly [O in Operation]: readonly [params: readonly unknown[], result: unknown] } = {
  start: [
    [
      {
        holds: { kind: 'module', path: '/m.so', libraryParameters: 'p', software: true, environment: ['A'], lanes: 2 },
      },
      { holds: { kind: 'vault' } },
    ],
    { module },
  ],
  inventory: [[{}], { module, slots }],
  glance: [[{}], { state: 'HNd0' }],
  login: [
    [
      { where, pin: hash },
      { where, pin: null },
    ],
    null,
  ],
  changePin: [
    [
      { where, old: hash, pin: hash },
      { where, who: 'so', old: null, pin: null },
    ],
    null,
  ],
  resetPin: [[{ where, soPin: hash, pin: hash }], null],
  initToken: [[{ slot: 1, label: 'k', soPin: hash, pin: null }], null],
  logout: [[{ where: { token: 't' } }], null],
  open: [[{ where, label: 'k' }], opened],
  generate: [
    [
      { where, label: 'k', algorithm: 'ML-DSA-87' },
      { where, label: 'k', algorithm: 'ML-DSA-44', id: hash },
    ],
    { ...opened, handle: null, algorithm: 'ML-DSA-44', publicKey: SMALLEST_PUBLIC_KEY },
  ],
  destroy: [[{ where, label: 'k', publicKey: SMALLEST_PUBLIC_KEY }], { objects: 2 }],
  probe: [
    [{ where, algorithm: 'ML-DSA-44' }],
    {
      steps: [
        { step: 'generate', ok: true, ms: 1.5 },
        {
          step: 'sign',
          ok: false,
          ms: 2,
          error: { english: 'The token refused it: {0}.', fillings: ['CKR_GENERAL_ERROR'] },
        },
      ],
      publicKey: PUBLIC_KEY,
      message: PROBE,
      signature: SIGNATURE,
      claims,
    },
  ],
  inspectVault: [[{ file: '/v' }], { keys: [found], lock: 'key' }],
  openVault: [[{ file: '/v', unlock: { kind: 'keyFile', path: '/k' }, label: 'k' }], opened],
  createVault: [
    [{ file: '/v', unlock: { kind: 'passphrase', passphrase: hash }, label: 'k', algorithm: 'ML-DSA-65' }],
    opened,
  ],
  destroyVaultKey: [
    [{ file: '/v', unlock: { kind: 'key', key: HASH.subarray(0, 32) }, label: 'k', publicKey: PUBLIC_KEY }],
    { left: 0 },
  ],
  sign: [
    [
      { handle: 1, input: { kind: 'handshake', role: 'client', suite, hash } },
      { handle: 1, input: { kind: 'batch', statements: STATEMENTS } },
      { handle: 1, input: { kind: 'batch', statements: STATEMENTS }, behind: HASH },
      { handle: 1, input: TRANSITION },
    ],
    { signature: SIGNATURE, took: 0.5 },
  ],
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
const operations = Object.keys(OPERATIONS) as Operation[]

export const KEYS: readonly Target[] = [
  valuesOf(
    'key-request',
    ['usage'],
    operations.flatMap((operation, id) => SAMPLES[operation][0].map((params) => ({ id, operation, params }))),
    (value) => {
      const { operation, params } = parseRequest(value)
      unchanged((given) => parseParams(operation, given))(params)
    },
  ),
  valuesOf(
    'key-reply',
    ['key-process-reply'],
    [
      { id: 1, ok: true, result: null },
      { id: 2, ok: false, error: { code: 'pin-wrong', sentence: { english: 'no', fillings: [] }, ckr: 160 } },
    ],
    unchanged(parseReply),
  ),
  ...operations.map((operation) =>
    valuesOf(
      `key-result-${operation}`,
      ['key-process-reply'],
      [SAMPLES[operation][1]],
      unchanged((value) => parseResult(operation, value)),
      0.3,
    ),
  ),
  // What passes the shape is still checked where it is signed: nothing but our own documents may come out of it.
  valuesOf(
    'key-sign',
    ['usage', 'statement-invalid', 'batch-invalid', 'algorithm-unsupported', 'length', 'peer-protocol'],
    SAMPLES.sign[0],
    (value) => {
      const { input } = parseParams('sign', value)
      signingInput(input, { kid: KID, algorithm: 'ML-DSA-87', custody: 'software' })
    },
  ),
  {
    name: 'vault-file',
    format: 'json',
    codes: ['vault-corrupt'],
    seeds: [vault(), vault(true)],
    tokens: ['scrypt', 'key', 'priv', 'v'],
    run: exact((bytes) => parseVault(bytes, 'a vault'), serialiseVault),
  },
  {
    name: 'token-public-key',
    format: 'bytes',
    codes: [],
    seeds: [PUBLIC_KEY, SMALL_PUBLIC_KEY, wrapped(SMALL_PUBLIC_KEY)],
    run: parses(
      (bytes) => readPublicKey(Buffer.from(bytes)),
      (key, bytes) => {
        if (key !== undefined)
          mustBeBytes(key.publicKey, bytes.subarray(bytes.length - key.publicKey.length), 'reads another key')
      },
    ),
  },
]

function vault(scrypt = false): Uint8Array {
  const nonce = HASH.subarray(0, 12)
  const key = {
    algorithm: 'ML-DSA-87',
    publicKey: PUBLIC_KEY,
    created: 1_790_000_000_000,
    nonce,
    sealed: HASH,
  } as const
  const other = { ...key, algorithm: 'ML-DSA-65', publicKey: SMALL_PUBLIC_KEY, label: encodeBase64url(nonce) } as const
  const lock = scrypt
    ? ({ kind: 'scrypt', N: 2 ** 17, r: 8, p: 1, salt: HASH.subarray(0, 32) } as const)
    : ({ kind: 'key' } as const)
  return serialiseVault({ lock, keys: [{ ...key, label: 'ü' }, other] })
}

/** SubjectPublicKeyInfo of an ML-DSA-65 key (RFC 9881, section 4). */
function wrapped(key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('308207b2300b0609608648016503040312038207a100', 'hex'), key])
}
