// PROTOCOL.md, "Notation", "Suites", "Key schedule", "Handshake" (what a signature covers).
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto'
import { ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { must, Refused } from './cbor.ts'

type Bytes = Uint8Array

export const H = (...parts: readonly Bytes[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest()
export const mac = (key: Bytes, text: Bytes): Buffer => createHmac('sha384', key).update(text).digest()
export const base64url = (bytes: Bytes): string => Buffer.from(bytes).toString('base64url')
export const digest = (bytes: Bytes): string => base64url(H(bytes))

/** Unsigned big-endian. */
export function uint(bits: 16 | 32 | 64, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes.subarray(8 - bits / 8)
}

/** "lp(x) = u32 length ‖ x" */
export const lp = (...parts: readonly Bytes[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [uint(32, part.length), part]))

// "Key schedule"

export const ZERO = Buffer.alloc(48)
export const extract = (salt: Bytes, secret: Bytes): Buffer => mac(salt, secret)

export function expandLabel(secret: Bytes, label: string, context: Bytes, length: number): Buffer {
  const name = Buffer.from(`cs1 ${label}`)
  const info = Buffer.concat([uint(16, length), Buffer.of(name.length), name, Buffer.of(context.length), context])
  // HKDF-Expand; nothing here is longer than one hash.
  return mac(secret, Buffer.concat([info, Buffer.of(1)])).subarray(0, length)
}

export interface TrafficKeys {
  readonly key: Buffer
  readonly iv: Buffer
  readonly finished: Buffer
}

export const trafficKeys = (secret: Bytes): TrafficKeys => ({
  key: expandLabel(secret, 'key', Buffer.alloc(0), 32),
  iv: expandLabel(secret, 'iv', Buffer.alloc(0), 12),
  finished: expandLabel(secret, 'finished', Buffer.alloc(0), 48),
})

export function aeadSeal(key: Bytes, nonce: Bytes, aad: Bytes, text: Bytes): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

export function aeadOpen(key: Bytes, nonce: Bytes, aad: Bytes, sealed: Buffer): Buffer {
  must(sealed.length >= 16, 20, 'no tag')
  const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(sealed.subarray(-16))
  try {
    return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
  } catch {
    throw new Refused(20, 'it does not open')
  }
}

// "Suites"

const SUITES = {
  MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384: { kem: ml_kem1024, ecdh: x25519, signature: 'ML-DSA-87' },
  MLKEM1024_P384_MLDSA87_AES256GCM_SHA384: { kem: ml_kem1024, ecdh: p384, signature: 'ML-DSA-87' },
  MLKEM768_X25519_MLDSA65_AES256GCM_SHA384: { kem: ml_kem768, ecdh: x25519, signature: 'ML-DSA-65' },
} as const

export type Suite = keyof typeof SUITES
export const ALL_SUITES: readonly Suite[] = [
  'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384',
  'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384',
]

interface Ecdh {
  readonly share: Buffer
  readonly agree: (peer: Bytes) => Buffer
}

function x25519(): Ecdh {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const share = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  return {
    share,
    agree: (peer) => {
      const key = { kty: 'OKP', crv: 'X25519', x: base64url(peer) }
      return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) })
    },
  }
}

function p384(): Ecdh {
  const ecdh = createECDH('secp384r1')
  return { share: ecdh.generateKeys(), agree: (peer) => ecdh.computeSecret(peer) }
}

export interface Shares {
  readonly kem: Bytes
  readonly share: Buffer
  /** ss = ss_mlkem ‖ ss_ecdh */
  readonly secret: (ciphertext: Bytes, share: Bytes) => Buffer
}

export function freshShares(name: Suite): Shares {
  const { kem, ecdh } = SUITES[name]
  const keys = kem.keygen()
  const { share, agree } = ecdh()
  return {
    kem: keys.publicKey,
    share,
    secret: (ciphertext, peer) => {
      must(ciphertext.length === kem.lengths.cipherText && peer.length === share.length, 21, 'lengths of shares')
      return Buffer.concat([kem.decapsulate(ciphertext, keys.secretKey), agree(peer)])
    },
  }
}

// "Identity, pins, custody", "What a key signs"

const MLDSA = { 'ML-DSA-87': ml_dsa87, 'ML-DSA-65': ml_dsa65 } as const
export type Algorithm = keyof typeof MLDSA

export function algorithm(name: string): Algorithm {
  must(name === 'ML-DSA-87' || name === 'ML-DSA-65', 42, `algorithm ${name}`)
  return name
}

/** "A suite's signature is a minimum; a weaker key is refused, 42." */
export const meets = (suite: Suite, alg: Algorithm): boolean =>
  alg === 'ML-DSA-87' || SUITES[suite].signature === 'ML-DSA-65'

/** RFC 7638 thumbprint of the RFC 9964 JWK. */
export function kidOf(alg: Algorithm, pub: Bytes): string {
  must(pub.length === (alg === 'ML-DSA-87' ? 2592 : 1952), 42, 'length of a key')
  const jwk = `{"alg":"${alg}","kty":"AKP","pub":"${base64url(pub)}"}`
  return createHash('sha256').update(jwk).digest('base64url')
}

export const newKey = (alg: Algorithm): { publicKey: Bytes; secretKey: Bytes } => MLDSA[alg].keygen()
export const sign = (alg: Algorithm, key: Bytes, text: Bytes): Bytes => MLDSA[alg].sign(text, key)

export function verified(alg: Algorithm, pub: Bytes, text: Bytes, signature: Bytes, what: string): void {
  must(signature.length === MLDSA[alg].lengths.signature, 51, what)
  must(MLDSA[alg].verify(signature, text, pub), 51, what)
}

/** What SV, CV and the signatures of a rekey sign. */
export const signingInput = (label: string, suite: Suite, hash: Bytes): Buffer =>
  Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from(`${label}\0${suite}\0`), hash])
