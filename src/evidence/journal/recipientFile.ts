import { parseStrictJson } from '../../contracts/strictJson.ts'
import { open, seal } from '../../crypto/aead.ts'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { constantTimeEqual } from '../../crypto/hash.ts'
import { deriveKey, SCRYPT_PARAMS, type ScryptParams } from '../../crypto/passphrase.ts'
import { randomBytes, wipe } from '../../crypto/random.ts'
import {
  parseRecipient,
  RECIPIENT_SEED_LENGTH,
  type RecipientKey,
  recipientId,
  recipientKey,
  recipientMembers,
  type RecipientPublicKey,
} from '../../crypto/recipient.ts'
import { CountersignError } from '../../support/errors.ts'
import { isMembers, type Members } from '../statement.ts'

/**
 * The files of a key that contexts are encrypted to. JSON, bytes in base64url without padding:
 *
 *   {"v":1,"typ":"countersign-recipient","suite":…,"kem":<1568 bytes>,"ecdh":<32 bytes>}                                public
 *   {"v":1,"typ":"countersign-recipient-key","suite":…,"kem":…,"ecdh":…,"seed":<96 bytes>}                             private
 *   {…,"lock":{"N":…,"r":…,"p":…,"salt":<32 bytes>},"nonce":<12 bytes>,"sealed":<112 bytes>}     private, behind a passphrase
 */
const PUBLIC = 'countersign-recipient'
const PRIVATE = 'countersign-recipient-key'
const SALT_LENGTH = 32
const NONCE_LENGTH = 12

export function encodeRecipient(publicKey: RecipientPublicKey): string {
  return `${JSON.stringify({ v: 1, typ: PUBLIC, ...recipientMembers(publicKey) })}\n`
}

/** @throws CountersignError `decode`, `algorithm-unsupported` for what is no public key to encrypt to */
export function parseRecipientDocument(value: unknown): RecipientPublicKey {
  if (!isMembers(value)) throw malformed()
  const { v, typ, ...members } = value
  // Said, because the two lie beside each other, and the private one does not belong into a configuration.
  if (typ === PRIVATE)
    throw new CountersignError('decode', 'This is the private key; name the public one to encrypt to.')
  if (v !== 1 || typ !== PUBLIC) throw malformed()
  return parseRecipient(members)
}

/**
 * A new key, as the text of its private and its public file.
 * @param passphrase bytes, which the caller wipes
 */
export async function newRecipientFiles(
  passphrase?: Uint8Array,
): Promise<{ readonly id: string; readonly privateFile: string; readonly publicFile: string }> {
  const seed = randomBytes(RECIPIENT_SEED_LENGTH)
  const key = await recipientKey(seed)
  try {
    const { publicKey, id } = key
    const secret = passphrase === undefined ? { seed: encodeBase64url(seed) } : await locked(seed, id, passphrase)
    const document = { v: 1, typ: PRIVATE, ...recipientMembers(publicKey), ...secret }
    return { id, privateFile: `${JSON.stringify(document)}\n`, publicFile: encodeRecipient(publicKey) }
  } finally {
    key.wipe()
    wipe(seed)
  }
}

async function locked(seed: Uint8Array, id: string, passphrase: Uint8Array): Promise<object> {
  const [salt, nonce] = [randomBytes(SALT_LENGTH), randomBytes(NONCE_LENGTH)]
  const key = await deriveKey(passphrase, salt)
  try {
    const sealed = seal(key, nonce, encodeUtf8(id), seed)
    const lock = { ...SCRYPT_PARAMS, salt: encodeBase64url(salt) }
    return { lock, nonce: encodeBase64url(nonce), sealed: encodeBase64url(sealed) }
  } finally {
    wipe(key)
  }
}

/** A private file, read and not yet opened. */
export interface PrivateFile {
  readonly publicKey: RecipientPublicKey
  readonly secret:
    | { readonly seed: Uint8Array }
    | {
        readonly params: ScryptParams
        readonly salt: Uint8Array
        readonly nonce: Uint8Array
        readonly sealed: Uint8Array
      }
}

/** Strictly: exactly the members above. @throws CountersignError `decode`, `algorithm-unsupported` */
export function parsePrivateFile(bytes: Uint8Array): PrivateFile {
  const value = parseStrictJson(bytes, { maxDepth: 2, safeIntegers: true })
  if (!isMembers(value)) throw malformed()
  const { v, typ, suite, kem, ecdh, ...secret } = value
  if (v !== 1 || typ !== PRIVATE) throw malformed()
  return { publicKey: parseRecipient({ suite, kem, ecdh }), secret: secretOf(secret) }
}

function secretOf({ seed, lock, nonce, sealed, ...others }: Members): PrivateFile['secret'] {
  if (Object.keys(others).length > 0) throw malformed()
  if (seed !== undefined) {
    if (lock !== undefined || nonce !== undefined || sealed !== undefined) throw malformed()
    return { seed: bytesOf(seed, RECIPIENT_SEED_LENGTH) }
  }
  if (!isMembers(lock)) throw malformed()
  const { N, r, p, salt, ...rest } = lock
  if (typeof N !== 'number' || typeof r !== 'number' || typeof p !== 'number' || Object.keys(rest).length > 0) {
    throw malformed()
  }
  return {
    params: { N, r, p },
    salt: bytesOf(salt, SALT_LENGTH),
    nonce: bytesOf(nonce, NONCE_LENGTH),
    sealed: bytesOf(sealed, RECIPIENT_SEED_LENGTH + 16),
  }
}

/**
 * The key of a private file.
 * @param passphrase bytes, which the caller wipes; undefined where there is none
 * @throws CountersignError `usage` without a passphrase that is needed, `decrypt-failed` for a wrong one, `limit` for a cost that
 *   is too high; `decode` for halves that do not belong together
 */
export async function openPrivateFile(
  { publicKey, secret }: PrivateFile,
  passphrase?: Uint8Array,
): Promise<RecipientKey> {
  const seed = 'seed' in secret ? secret.seed : await unlocked(secret, recipientId(publicKey), passphrase)
  try {
    const key = await recipientKey(seed)
    if (constantTimeEqual(encodeUtf8(key.id), encodeUtf8(recipientId(publicKey)))) return key
    key.wipe()
    throw new CountersignError('decode', 'The private key of this file does not belong to its public one.')
  } finally {
    wipe(seed)
  }
}

async function unlocked(
  { params, salt, nonce, sealed }: Exclude<PrivateFile['secret'], { seed: Uint8Array }>,
  id: string,
  passphrase: Uint8Array | undefined,
): Promise<Uint8Array> {
  if (passphrase === undefined) {
    throw new CountersignError('usage', 'This key is behind a passphrase: name the variable that holds it.')
  }
  const key = await deriveKey(passphrase, salt, params)
  try {
    return open(key, nonce, encodeUtf8(id), sealed)
  } catch (cause) {
    throw new CountersignError('decrypt-failed', 'The passphrase is wrong, or the file of the key was changed.', {
      cause,
    })
  } finally {
    wipe(key)
  }
}

function bytesOf(value: unknown, length: number): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64url(value) : undefined
  if (bytes?.length !== length) throw malformed()
  return bytes
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'This is no key that contexts are encrypted to.')
}
