import * as v from 'valibot'
import { algorithm, PUBLIC_KEY_BYTES, safeInteger } from '../../../contracts/keyFacts.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../../crypto/encoding.ts'
import type { ScryptParams } from '../../../crypto/passphrase.ts'
import type { SignatureAlgorithm } from '../../../crypto/signature.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said, type Sentence } from '../../../support/l10n.ts'

/**
 * The vault's file: JSON, version 1.
 *
 *   {"v":1,"typ":"countersign-vault","lock":{"kind":"key"} | {"kind":"scrypt","N":…,"r":…,"p":…,"salt":<32 bytes>},
 *    "keys":[{"label":…,"alg":"ML-DSA-87","pub":<public key>,"created":<ms since 1970>,"nonce":<12 bytes>,"sealed":<48 bytes>}]}
 *
 * `sealed` is the 32-byte seed of FIPS 204 (ξ, algorithm 6) under AES-256-GCM; bytes are base64url without padding.
 * The associated data is everything else that is said of the key, so that no label or public key can be swapped.
 */
export type VaultLock =
  | { readonly kind: 'key' }
  | ({ readonly kind: 'scrypt'; readonly salt: Uint8Array } & ScryptParams)

export interface VaultEntry {
  readonly label: string
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  /** Milliseconds since 1970. */
  readonly created: number
  readonly nonce: Uint8Array
  readonly sealed: Uint8Array
}

export interface VaultFile {
  readonly lock: VaultLock
  readonly keys: readonly VaultEntry[]
}

const MAX_BYTES = 1024 * 1024
const MAX_KEYS = 64

const canonicalBytes = (...lengths: readonly number[]) =>
  v.pipe(
    v.string(),
    v.check(
      (text) => {
        try {
          return lengths.includes(decodeBase64url(text).length)
        } catch {
          return false
        }
      },
      `Expected ${lengths.join(' or ')} bytes in base64url`,
    ),
    v.transform(decodeBase64url),
  )

const schema = v.strictObject({
  v: v.literal(1),
  typ: v.literal('countersign-vault'),
  lock: v.variant('kind', [
    v.strictObject({ kind: v.literal('key') }),
    v.strictObject({
      kind: v.literal('scrypt'),
      N: safeInteger,
      r: safeInteger,
      p: safeInteger,
      salt: canonicalBytes(32),
    }),
  ]),
  keys: v.pipe(
    v.array(
      v.pipe(
        v.strictObject({
          label: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
          alg: algorithm,
          pub: canonicalBytes(1952, 2592),
          created: safeInteger,
          nonce: canonicalBytes(12),
          sealed: canonicalBytes(48),
        }),
        v.check((key) => key.pub.length === PUBLIC_KEY_BYTES[key.alg], 'Public key and algorithm do not fit'),
      ),
    ),
    v.minLength(1),
    v.maxLength(MAX_KEYS),
    v.check((keys) => new Set(keys.map((key) => key.label)).size === keys.length, 'A label occurs twice'),
  ),
})

/**
 * @param name of the file, for the message
 * @throws CountersignError `vault-corrupt`
 */
export function parseVault(bytes: Uint8Array, name: string): VaultFile {
  const corrupt = (why: Sentence, cause?: unknown) =>
    new CountersignError(
      'vault-corrupt',
      said`${name} is not a vault of Countersign: ${why}. Restore it from a backup.`,
      {
        cause,
      },
    )
  if (bytes.length > MAX_BYTES) throw corrupt(said('it is larger than 1 MiB'))
  let json: unknown
  try {
    json = JSON.parse(decodeUtf8(bytes))
  } catch {
    // Without the cause: V8's message quotes the file, and somebody may have named a file of secrets by mistake.
    throw corrupt(said('it is not JSON'))
  }
  const parsed = v.safeParse(schema, json, { abortEarly: true })
  if (!parsed.success) throw corrupt(said`"${v.getDotPath(parsed.issues[0]) ?? 'file'}" is not as it should be`)
  const { lock, keys } = parsed.output
  const file: VaultFile = {
    lock,
    keys: keys.map(({ alg, pub, ...rest }) => ({ ...rest, algorithm: alg, publicKey: pub })),
  }
  // JSON.parse keeps the last of two equal members where another reader may keep the first: one spelling is accepted.
  if (decodeUtf8(serialiseVault(file)) !== decodeUtf8(bytes)) throw corrupt(said('it was changed after it was written'))
  return file
}

export function serialiseVault({ lock, keys }: VaultFile): Uint8Array {
  const document = {
    v: 1,
    typ: 'countersign-vault',
    lock: lockMembers(lock),
    keys: keys.map((key) => ({
      label: key.label,
      alg: key.algorithm,
      pub: encodeBase64url(key.publicKey),
      created: key.created,
      nonce: encodeBase64url(key.nonce),
      sealed: encodeBase64url(key.sealed),
    })),
  }
  return encodeUtf8(`${JSON.stringify(document, null, 2)}\n`)
}

/** Associated data of a sealed seed: the file's header and everything said of the key. */
export function associatedData(lock: VaultLock, key: Omit<VaultEntry, 'nonce' | 'sealed'>): Uint8Array {
  return encodeUtf8(
    JSON.stringify([
      'countersign-vault',
      1,
      lockMembers(lock),
      key.label,
      key.algorithm,
      encodeBase64url(key.publicKey),
      key.created,
    ]),
  )
}

function lockMembers(lock: VaultLock): object {
  if (lock.kind === 'key') return { kind: 'key' }
  return { kind: 'scrypt', N: lock.N, r: lock.r, p: lock.p, salt: encodeBase64url(lock.salt) }
}
