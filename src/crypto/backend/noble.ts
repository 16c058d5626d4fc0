import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import type { KemName, SignatureAlgorithm } from '../algorithms.ts'
import { wipe } from '../random.ts'
import type { KemKey, KemScheme, PqBackend, SignatureScheme } from './backend.ts'

/** Plain JavaScript: works everywhere, ten times slower, and constant time only as far as a JIT allows. */
const DSA = { 'ML-DSA-87': ml_dsa87, 'ML-DSA-65': ml_dsa65 }
const KEM = { 'ML-KEM-1024': ml_kem1024, 'ML-KEM-768': ml_kem768 }

export const nobleBackend: PqBackend = {
  name: 'noble',
  signature: async (algorithm) => signatureScheme(algorithm),
  kem: async (name) => kemScheme(name),
}

/**
 * ML-DSA.KeyGen_internal (FIPS 204, algorithm 6). The WASM backend uses it too: its library has no way to start from a
 * seed. `secretKey` is the expanded key of algorithm 24: 4896 bytes for ML-DSA-87, 4032 for ML-DSA-65.
 */
export function expandSeed(
  algorithm: SignatureAlgorithm,
  seed: Uint8Array,
): { publicKey: Uint8Array; secretKey: Uint8Array } {
  return DSA[algorithm].keygen(seed)
}

/** ML-DSA.Sign_internal with a given rnd of 32 bytes (FIPS 204, algorithm 7): for test vectors. */
export function signWithRandomness(
  algorithm: SignatureAlgorithm,
  secretKey: Uint8Array,
  message: Uint8Array,
  rnd: Uint8Array,
): Uint8Array {
  return DSA[algorithm].sign(message, secretKey, { extraEntropy: rnd })
}

/** ML-DSA-44, which is no algorithm of a suite: for the probe of a token only. Lengths are checked by the caller. */
export function verify44(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return ml_dsa44.verify(signature, message, publicKey)
}

function signatureScheme(algorithm: SignatureAlgorithm): SignatureScheme {
  const dsa = DSA[algorithm]
  return {
    verify: (publicKey, message, signature) => dsa.verify(signature, message, publicKey),
    async keyFromSeed(seed) {
      const { publicKey, secretKey } = expandSeed(algorithm, seed)
      return {
        publicKey,
        // Without `extraEntropy` noble hedges with its own 32 random bytes.
        sign: (message) => dsa.sign(message, secretKey),
        wipe: () => wipe(secretKey),
      }
    },
  }
}

/** A key from d ‖ z, 64 bytes (FIPS 203, algorithm 16), or a new one. */
export function nobleKemKey(name: KemName, seed?: Uint8Array): KemKey & { readonly secretKey: Uint8Array } {
  const { publicKey, secretKey } = KEM[name].keygen(seed)
  return {
    publicKey,
    secretKey,
    decapsulate: async (ciphertext) => KEM[name].decapsulate(ciphertext, secretKey),
    wipe: () => wipe(secretKey),
  }
}

/** ML-KEM.Encaps_internal with a given m of 32 bytes (FIPS 203, algorithm 17): for test vectors. */
export function encapsulateDeterministic(
  name: KemName,
  publicKey: Uint8Array,
  m: Uint8Array,
): { ciphertext: Uint8Array; sharedSecret: Uint8Array } {
  const { cipherText, sharedSecret } = KEM[name].encapsulate(publicKey, m)
  return { ciphertext: cipherText, sharedSecret }
}

/** ML-KEM.Decaps_internal with an expanded key (FIPS 203, algorithm 18): for test vectors. */
export function decapsulateExpanded(name: KemName, secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return KEM[name].decapsulate(ciphertext, secretKey)
}

function kemScheme(name: KemName): KemScheme {
  return {
    generate: () => nobleKemKey(name),
    keyFromSeed: async (seed) => nobleKemKey(name, seed),
    encapsulate(publicKey) {
      const { cipherText, sharedSecret } = KEM[name].encapsulate(publicKey)
      return { ciphertext: cipherText, sharedSecret }
    },
  }
}
