import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import {
  checkPublicKey,
  KEM_LENGTHS,
  KEM_SEED_LENGTH,
  type KemName,
  SIGNATURE_LENGTHS,
  type SignatureAlgorithm,
} from '../algorithms.ts'
import type { KemKey, KemScheme, PqBackend, SignatureScheme } from './backend.ts'

/** q of ML-KEM (FIPS 203, section 2.4). */
const Q = 3329
const RHO = 32

/**
 * The encapsulation key check of FIPS 203, section 7.2: length, and every 12-bit coefficient below q. Backends differ in
 * whether they do it, and a peer could tell them apart by it.
 * @throws CountersignError `length` or `peer-protocol`
 */
export function checkEncapsulationKey(name: KemName, publicKey: Uint8Array): void {
  checkLength(`${name} encapsulation key`, publicKey, KEM_LENGTHS[name].publicKey)
  const end = publicKey.length - RHO
  for (let offset = 0; offset < end; offset += 3) {
    const [a = 0, b = 0, c = 0] = publicKey.subarray(offset, offset + 3)
    if ((a | ((b & 15) << 8)) >= Q || ((b >> 4) | (c << 4)) >= Q) {
      throw new CountersignError('peer-protocol', said`The ${name} encapsulation key is malformed.`)
    }
  }
}

/** The same backend, with the checks that must not depend on which one runs. */
export function guarded(backend: PqBackend): PqBackend {
  return {
    name: backend.name,
    signature: async (algorithm) => guardSignature(algorithm, await backend.signature(algorithm)),
    kem: async (name) => guardKem(name, await backend.kem(name)),
  }
}

function guardSignature(algorithm: SignatureAlgorithm, scheme: SignatureScheme): SignatureScheme {
  return {
    verify(publicKey, message, signature) {
      checkPublicKey(algorithm, publicKey)
      return signature.length === SIGNATURE_LENGTHS[algorithm].signature && scheme.verify(publicKey, message, signature)
    },
    async keyFromSeed(seed) {
      checkLength(`${algorithm} seed`, seed, SIGNATURE_LENGTHS[algorithm].seed)
      return scheme.keyFromSeed(seed)
    },
  }
}

function guardKem(name: KemName, scheme: KemScheme): KemScheme {
  return {
    generate: () => guardKemKey(name, scheme.generate()),
    async keyFromSeed(seed) {
      checkLength(`${name} seed`, seed, KEM_SEED_LENGTH)
      return guardKemKey(name, await scheme.keyFromSeed(seed))
    },
    encapsulate(publicKey) {
      checkEncapsulationKey(name, publicKey)
      return scheme.encapsulate(publicKey)
    },
  }
}

function guardKemKey(name: KemName, key: KemKey): KemKey {
  let wiped = false
  return {
    publicKey: key.publicKey,
    async decapsulate(ciphertext) {
      checkLength(`${name} ciphertext`, ciphertext, KEM_LENGTHS[name].ciphertext)
      // A wiped key is all zeros on some backends: it would go on working, with a secret that everybody can compute.
      if (wiped) throw new CountersignError('internal', 'A key was used after it was wiped.')
      return key.decapsulate(ciphertext)
    },
    wipe() {
      wiped = true
      key.wipe()
    },
  }
}

function checkLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new CountersignError('length', said`An ${what} has a wrong length.`)
}
