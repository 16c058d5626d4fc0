import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'

/** Pure ML-DSA (FIPS 204, section 5.2) with the empty context string, as RFC 9964 has it. Never HashML-DSA. */
export type SignatureAlgorithm = 'ML-DSA-87' | 'ML-DSA-65'

/** All parameter sets of FIPS 204. No suite takes ML-DSA-44: it is shown, probed and generated, and no identity has it. */
export type MlDsa = SignatureAlgorithm | 'ML-DSA-44'

/** ML-KEM (FIPS 203). */
export type KemName = 'ML-KEM-1024' | 'ML-KEM-768'

export interface SignatureLengths {
  readonly publicKey: number
  readonly signature: number
  readonly seed: number
}

/** Bytes (FIPS 204, table 2). `seed` is the ξ of key generation, the form in which the vault keeps a private key. */
export const SIGNATURE_LENGTHS: Readonly<Record<MlDsa, SignatureLengths>> = {
  'ML-DSA-87': { publicKey: 2592, signature: 4627, seed: 32 },
  'ML-DSA-65': { publicKey: 1952, signature: 3309, seed: 32 },
  'ML-DSA-44': { publicKey: 1312, signature: 2420, seed: 32 },
}

export interface KemLengths {
  readonly publicKey: number
  readonly ciphertext: number
  readonly sharedSecret: number
}

/** Bytes (FIPS 203, table 3). */
export const KEM_LENGTHS: Readonly<Record<KemName, KemLengths>> = {
  'ML-KEM-1024': { publicKey: 1568, ciphertext: 1568, sharedSecret: 32 },
  'ML-KEM-768': { publicKey: 1184, ciphertext: 1088, sharedSecret: 32 },
}

/** d ‖ z of FIPS 203, algorithm 16. */
export const KEM_SEED_LENGTH = 64

export function isSignatureAlgorithm(value: unknown): value is SignatureAlgorithm {
  return value === 'ML-DSA-87' || value === 'ML-DSA-65'
}

/** @throws CountersignError `length` unless this is as long as a public key of the algorithm */
export function checkPublicKey(algorithm: MlDsa, publicKey: Uint8Array): void {
  if (publicKey.length !== SIGNATURE_LENGTHS[algorithm].publicKey) {
    throw new CountersignError('length', said`An ${algorithm} public key has a wrong length.`)
  }
}
