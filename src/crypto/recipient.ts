import { isRecord } from '../contracts/strictJson.ts'
import { CountersignError } from '../support/errors.ts'
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, open, seal } from './aead.ts'
import { ECDH_LENGTHS, x25519FromSecret } from './ecdh.ts'
import { concat, decodeBase64url, encodeBase64url, encodeUtf8, u32, u64 } from './encoding.ts'
import { constantTimeEqual, sha384 } from './hash.ts'
import { expandLabel, extract, ZERO } from './hkdf.ts'
import { KEM_LENGTHS, KEM_SEED_LENGTH, kemKeyFromSeed } from './kem.ts'
import { wipe } from './random.ts'
import { encapsulateHybrid, join } from './suite.ts'

/**
 * Encryption to a key that is kept (docs/PROTOCOL.md, "Encrypted contexts"): the hybrid KEM and the key derivation of sessions,
 * with a public key that stays. One encapsulation gives one content key; everything that it encrypts has a number of its own.
 */
export const RECIPIENT_SUITE = 'MLKEM1024_X25519_AES256GCM_SHA384'
/** The session suite with the same KEM: its signature algorithm has no part in this. */
const KEM_SUITE = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const KEM = KEM_LENGTHS['ML-KEM-1024']
const SHARE = ECDH_LENGTHS.X25519.share

/** d ‖ z of ML-KEM-1024 (64 bytes), then the private key of X25519 (32). */
export const RECIPIENT_SEED_LENGTH = KEM_SEED_LENGTH + ECDH_LENGTHS.X25519.secret

export interface RecipientPublicKey {
  /** ML-KEM-1024 encapsulation key, 1568 bytes. */
  readonly kemKey: Uint8Array
  /** X25519 public key, 32 bytes. */
  readonly share: Uint8Array
}

/** What the recipient needs, beside its private key, to find a content key. */
export interface SealHeader {
  /** `recipientId` of the public key. */
  readonly to: string
  /** ML-KEM-1024 ciphertext, 1568 bytes. */
  readonly ciphertext: Uint8Array
  /** Ephemeral X25519 share, 32 bytes. */
  readonly share: Uint8Array
}

/** What a public key is called: base64url of SHA-384 over its suite and both halves, each behind its length as u32. */
export function recipientId({ kemKey, share }: RecipientPublicKey): string {
  return encodeBase64url(hashOf(encodeUtf8('cs1 recipient'), encodeUtf8(RECIPIENT_SUITE), kemKey, share))
}

/** A content key: AES-256-GCM with nonce = iv XOR (0⁴ ‖ number), as in sealed records. */
export class ContentKey {
  private readonly key: Uint8Array
  private readonly iv: Uint8Array

  /** @param prk 48 bytes; @param info 48 bytes, everything that the key belongs to */
  constructor(prk: Uint8Array, info: Uint8Array) {
    this.key = expandLabel(prk, 'at rest key', info, AEAD_KEY_LENGTH)
    this.iv = expandLabel(prk, 'at rest iv', info, AEAD_NONCE_LENGTH)
  }

  /** @param number from 0 to 2^53-1; never twice for one content key. Returns ciphertext ‖ tag. */
  seal(number: number, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return seal(this.key, this.nonce(number), aad, plaintext)
  }

  /** @throws CountersignError `decrypt-failed` */
  open(number: number, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
    return open(this.key, this.nonce(number), aad, sealed)
  }

  wipe(): void {
    wipe(this.key, this.iv)
  }

  private nonce(number: number): Uint8Array {
    const nonce = concat(new Uint8Array(4), u64(number))
    return nonce.map((byte, at) => byte ^ (this.iv[at] ?? 0))
  }
}

/**
 * A new content key for the owner of a public key; nobody else can find it, the one who made it neither once it is wiped.
 * @param context what the key is for: another context is another key
 * @throws CountersignError `length`, `peer-protocol` for a public key that is none
 */
export async function sealTo(
  recipient: RecipientPublicKey,
  context: Uint8Array,
): Promise<{ header: SealHeader; key: ContentKey }> {
  const { ciphertext, share, secret } = await encapsulateHybrid(KEM_SUITE, recipient.kemKey, recipient.share)
  const header = { to: recipientId(recipient), ciphertext, share }
  return { header, key: derive(secret, recipient, header, context) }
}

/** A recipient's private key. */
export interface RecipientKey {
  readonly publicKey: RecipientPublicKey
  readonly id: string
  /** @throws CountersignError `key-missing` for what was encrypted to another key; `peer-protocol` for a share that is none */
  contentKey(header: SealHeader, context: Uint8Array): Promise<ContentKey>
  wipe(): void
}

/** @param seed 96 bytes; the caller wipes them. @throws CountersignError `length` */
export async function recipientKey(seed: Uint8Array): Promise<RecipientKey> {
  if (seed.length !== RECIPIENT_SEED_LENGTH)
    throw new CountersignError('length', 'A recipient key has 96 secret bytes.')
  const kem = await kemKeyFromSeed('ML-KEM-1024', seed.subarray(0, KEM_SEED_LENGTH))
  const ecdh = x25519FromSecret(seed.subarray(KEM_SEED_LENGTH))
  const publicKey = { kemKey: kem.publicKey, share: ecdh.share }
  const id = recipientId(publicKey)
  return {
    publicKey,
    id,
    async contentKey(header, context) {
      if (!constantTimeEqual(encodeUtf8(header.to), encodeUtf8(id))) {
        throw new CountersignError('key-missing', 'This was encrypted to another key.')
      }
      const secret = join(await kem.decapsulate(header.ciphertext), ecdh, header.share)
      return derive(secret, publicKey, header, context)
    },
    wipe() {
      kem.wipe()
      ecdh.wipe()
    },
  }
}

/** Everything that went into the two KEMs goes into the key, as the transcript does in a session. Wipes the secret. */
function derive(
  secret: Uint8Array,
  { kemKey, share }: RecipientPublicKey,
  header: SealHeader,
  context: Uint8Array,
): ContentKey {
  const info = hashOf(
    encodeUtf8('cs1 at rest'),
    encodeUtf8(RECIPIENT_SUITE),
    kemKey,
    share,
    header.ciphertext,
    header.share,
    context,
  )
  const prk = extract(ZERO, secret)
  try {
    return new ContentKey(prk, info)
  } finally {
    wipe(secret, prk)
  }
}

function hashOf(...parts: readonly Uint8Array[]): Uint8Array {
  return sha384(...parts.flatMap((part) => [u32(part.length), part]))
}

export function sealHeaderMembers({ to, ciphertext, share }: SealHeader): { readonly [member: string]: string } {
  return {
    suite: RECIPIENT_SUITE,
    to,
    ciphertext: encodeBase64url(ciphertext),
    share: encodeBase64url(share),
  }
}

/** Exactly the members that `sealHeaderMembers` writes. @throws CountersignError `decode`, `algorithm-unsupported` */
export function parseSealHeader(value: unknown): SealHeader {
  if (!isRecord(value)) throw malformed()
  const { suite, to, ciphertext, share, ...others } = value
  if (Object.keys(others).length > 0 || typeof suite !== 'string') throw malformed()
  if (suite !== RECIPIENT_SUITE) {
    throw new CountersignError(
      'algorithm-unsupported',
      'Something is encrypted with algorithms that are not known here.',
    )
  }
  bytesOf(to, 48)
  return { to: String(to), ciphertext: bytesOf(ciphertext, KEM.ciphertext), share: bytesOf(share, SHARE) }
}

export function recipientMembers({ kemKey, share }: RecipientPublicKey): { readonly [member: string]: string } {
  return { suite: RECIPIENT_SUITE, kem: encodeBase64url(kemKey), ecdh: encodeBase64url(share) }
}

/** @throws CountersignError `decode`, `algorithm-unsupported` */
export function parseRecipient(value: unknown): RecipientPublicKey {
  if (!isRecord(value)) throw malformed()
  const { suite, kem, ecdh, ...others } = value
  if (Object.keys(others).length > 0 || typeof suite !== 'string') throw malformed()
  if (suite !== RECIPIENT_SUITE) {
    throw new CountersignError('algorithm-unsupported', 'A key to encrypt to has algorithms that are not known here.')
  }
  return { kemKey: bytesOf(kem, KEM.publicKey), share: bytesOf(ecdh, SHARE) }
}

function bytesOf(value: unknown, length: number): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64url(value) : undefined
  if (bytes?.length !== length) throw malformed()
  return bytes
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'What is said of an encryption does not have the members that it must have.')
}
