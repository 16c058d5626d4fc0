import { isRecord } from '../contracts/strictJson.ts'
import { CountersignError } from '../support/errors.ts'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from './encoding.ts'
import { sha256 } from './hash.ts'
import { checkPublicKey, isSignatureAlgorithm, type MlDsa, type SignatureAlgorithm } from './signature.ts'

/** An ML-DSA public key as JSON Web Key (RFC 9964, section 3). `pub` is the raw key in base64url. */
export interface AkpJwk {
  readonly kty: 'AKP'
  readonly alg: MlDsa
  readonly pub: string
}

export interface PublicKey {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
}

/** @throws CountersignError `length` */
export function exportJwk(algorithm: MlDsa, publicKey: Uint8Array): AkpJwk {
  checkPublicKey(algorithm, publicKey)
  return { kty: 'AKP', alg: algorithm, pub: encodeBase64url(publicKey) }
}

/**
 * The `kid`: RFC 7638 thumbprint with SHA-256 over the members that RFC 9964, section 6, requires, in lexicographic order.
 * 43 characters of base64url.
 * @throws CountersignError `length`
 */
export function thumbprint(algorithm: MlDsa, publicKey: Uint8Array): string {
  const { alg, kty, pub } = exportJwk(algorithm, publicKey)
  // None of the three can hold a character that JSON escapes, so this is the canonical form.
  return encodeBase64url(sha256(encodeUtf8(`{"alg":"${alg}","kty":"${kty}","pub":"${pub}"}`)))
}

/**
 * Exactly the three members. Others are refused, not ignored: `priv` does not belong in a place for public keys, and
 * `kid`, `use` or `key_ops` would be claims that nobody checks.
 * @throws CountersignError `decode`, `algorithm-unsupported`, `length`
 */
export function parseJwk(value: unknown): PublicKey {
  if (!isRecord(value)) throw malformed()
  const { kty, alg, pub, ...others } = value
  if (kty !== 'AKP' || typeof alg !== 'string' || typeof pub !== 'string' || Object.keys(others).length > 0) {
    throw malformed()
  }
  if (!isSignatureAlgorithm(alg)) {
    throw new CountersignError('algorithm-unsupported', 'A key has another algorithm than ML-DSA-87 or ML-DSA-65.')
  }
  const publicKey = decodeBase64url(pub)
  checkPublicKey(alg, publicKey)
  return { algorithm: alg, publicKey }
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A public key is not a JWK with exactly the members kty "AKP", alg and pub.')
}

/** Whether a string has the form of a `kid`: canonical base64url of 32 bytes. */
export function isKid(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 43) return false
  try {
    return decodeBase64url(value).length === 32
  } catch {
    return false
  }
}
