import { CountersignError } from '../support/errors.ts'
import {
  checkPublicKey,
  isSignatureAlgorithm,
  type MlDsa,
  SIGNATURE_LENGTHS,
  type SignatureAlgorithm,
} from './algorithms.ts'
import type { SignatureKey } from './backend/backend.ts'
import { pq } from './backend/select.ts'
import { randomBytes } from './random.ts'

export {
  checkPublicKey,
  isSignatureAlgorithm,
  type MlDsa,
  SIGNATURE_LENGTHS,
  type SignatureAlgorithm,
} from './algorithms.ts'

/**
 * ML-DSA.Verify (FIPS 204, algorithm 3), empty context.
 * @returns false for every signature that does not hold, also one of a wrong length
 * @throws CountersignError `length` for a public key of a wrong length: that is a mistake of ours, not of the signer
 */
export async function verifySignature(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  checkPublicKey(algorithm, publicKey)
  const scheme = await (await pq()).signature(algorithm)
  return scheme.verify(publicKey, message, signature)
}

/**
 * As `verifySignature`, also for the parameter set that no identity has: what a token can do is proven for all three.
 * @throws CountersignError `length`
 */
export async function verifyProbe(
  algorithm: MlDsa,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (isSignatureAlgorithm(algorithm)) return verifySignature(algorithm, publicKey, message, signature)
  checkPublicKey(algorithm, publicKey)
  // The other backends know the algorithms of the suites only; one verification a probe may be slow.
  const { verify44 } = await import('./backend/noble.ts')
  return signature.length === SIGNATURE_LENGTHS[algorithm].signature && verify44(publicKey, message, signature)
}

/** A new private key as its 32-byte seed, with its public key. The caller wipes the seed. */
export async function generateSeedKey(
  algorithm: SignatureAlgorithm,
): Promise<{ seed: Uint8Array; publicKey: Uint8Array }> {
  const seed = randomBytes(SIGNATURE_LENGTHS[algorithm].seed)
  return { seed, publicKey: await publicKeyOfSeed(algorithm, seed) }
}

/** ML-DSA.KeyGen_internal's public key (FIPS 204, algorithm 6). @throws CountersignError `length` for the seed */
export async function publicKeyOfSeed(algorithm: SignatureAlgorithm, seed: Uint8Array): Promise<Uint8Array> {
  const signer = await SeedSigner.create(algorithm, seed)
  signer.dispose()
  return signer.publicKey
}

/** One hedged signature (FIPS 204, algorithm 2); the expanded key is wiped before this returns. */
export async function signWithSeed(
  algorithm: SignatureAlgorithm,
  seed: Uint8Array,
  message: Uint8Array,
): Promise<Uint8Array> {
  const signer = await SeedSigner.create(algorithm, seed)
  try {
    return signer.sign(message)
  } finally {
    signer.dispose()
  }
}

/** A private key kept expanded between signatures. For the vault in the key process and for tests, nowhere else. */
export class SeedSigner {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  private key: SignatureKey | null

  private constructor(algorithm: SignatureAlgorithm, key: SignatureKey) {
    this.algorithm = algorithm
    this.publicKey = key.publicKey
    this.key = key
  }

  /** The seed is not kept. @throws CountersignError `length` unless it has 32 bytes */
  static async create(algorithm: SignatureAlgorithm, seed: Uint8Array): Promise<SeedSigner> {
    const scheme = await (await pq()).signature(algorithm)
    return new SeedSigner(algorithm, await scheme.keyFromSeed(seed))
  }

  /** Hedged: two signatures of the same bytes differ. @throws CountersignError `vault-locked` after `dispose` */
  sign(message: Uint8Array): Uint8Array {
    if (this.key === null) throw new CountersignError('vault-locked', 'The key was wiped; unlock the vault again.')
    return this.key.sign(message)
  }

  dispose(): void {
    this.key?.wipe()
    this.key = null
  }
}
