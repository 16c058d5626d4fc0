import type { KemName, SignatureAlgorithm } from '../algorithms.ts'

/**
 * One implementation of ML-DSA and ML-KEM. Callers get backends through `select.ts` only, which puts the checks of
 * `guard.ts` around each: a backend may assume that lengths are right.
 */
export type BackendName = 'native' | 'wasm' | 'noble'

export interface PqBackend {
  readonly name: BackendName
  /** Loads what the algorithm needs, once. */
  signature(algorithm: SignatureAlgorithm): Promise<SignatureScheme>
  kem(name: KemName): Promise<KemScheme>
}

export interface SignatureScheme {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  keyFromSeed(seed: Uint8Array): Promise<SignatureKey>
}

export interface SignatureKey {
  readonly publicKey: Uint8Array
  /** Hedged, empty context. */
  sign(message: Uint8Array): Uint8Array
  wipe(): void
}

export interface KemScheme {
  generate(): KemKey
  /** The key of d ‖ z, 64 bytes (FIPS 203, algorithm 16); the caller wipes them. For keys that are kept. */
  keyFromSeed(seed: Uint8Array): Promise<KemKey>
  encapsulate(publicKey: Uint8Array): Encapsulation
}

export interface KemKey {
  /** Encapsulation key: 1568 bytes for ML-KEM-1024, 1184 for ML-KEM-768. */
  readonly publicKey: Uint8Array
  /**
   * ML-KEM.Decaps (FIPS 203, algorithm 21), 32 bytes. A wrong ciphertext of the right length gives a secret that nobody
   * knows (implicit rejection), not an error.
   * @throws CountersignError `length` for the ciphertext (section 7.3), `internal` after `wipe`
   */
  decapsulate(ciphertext: Uint8Array): Promise<Uint8Array>
  wipe(): void
}

export interface Encapsulation {
  readonly ciphertext: Uint8Array
  readonly sharedSecret: Uint8Array
}
