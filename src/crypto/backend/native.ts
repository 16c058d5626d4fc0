// As a namespace: a named import of what Node 20 does not export would fail to link.
import * as crypto from 'node:crypto'
import { CountersignError } from '../../support/errors.ts'
import { KEM_LENGTHS, type KemName, SIGNATURE_LENGTHS, type SignatureAlgorithm } from '../algorithms.ts'
import { plain } from '../encoding.ts'
import { constantTimeEqual } from '../hash.ts'
import { randomBytes, secretConcat, wipe } from '../random.ts'
import type { Encapsulation, KemKey, KemScheme, PqBackend, SignatureScheme } from './backend.ts'
import { pkcs8OfSeed, spki } from './der.ts'

/** @throws where this Node has no ML-DSA or ML-KEM, or has them but a round trip fails */
export function createNativeBackend(): PqBackend {
  selfTest()
  return {
    name: 'native',
    signature: async (algorithm) => signatureScheme(algorithm),
    kem: async (name) => kemScheme(name),
  }
}

function selfTest(): void {
  const message = randomBytes(32)
  const key = privateKey('ML-DSA-65', randomBytes(32))
  const kem = generateKemKey('ML-KEM-768')
  const { ciphertext, sharedSecret } = encapsulate('ML-KEM-768', kem.publicKey)
  const verified = verify(
    'ML-DSA-65',
    publicKeyOf(key, SIGNATURE_LENGTHS['ML-DSA-65'].publicKey),
    message,
    crypto.sign(null, message, key),
  )
  if (!verified || !constantTimeEqual(decapsulate(kem.privateKey, ciphertext), sharedSecret)) {
    throw new CountersignError('algorithm-unsupported', 'The post-quantum algorithms of this Node do not work.')
  }
}

function signatureScheme(algorithm: SignatureAlgorithm): SignatureScheme {
  return {
    verify: (publicKey, message, signature) => verify(algorithm, publicKey, message, signature),
    async keyFromSeed(seed) {
      // OpenSSL holds the expanded key and frees it with the last reference; there is nothing that we could overwrite.
      let key: crypto.KeyObject | null = privateKey(algorithm, seed)
      return {
        publicKey: publicKeyOf(key, SIGNATURE_LENGTHS[algorithm].publicKey),
        sign(message) {
          if (key === null) throw new CountersignError('internal', 'A key was used after it was wiped.')
          return plain(crypto.sign(null, message, key))
        },
        wipe() {
          key = null
        },
      }
    },
  }
}

function verify(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crypto.verify(null, message, verifyingKey(algorithm, publicKey), signature)
}

/** A raw key of checked length in an SPKI of our making: `createPublicKey` of a peer's SPKI accepts trailing bytes. */
function importPublic(name: SignatureAlgorithm | KemName, publicKey: Uint8Array): crypto.KeyObject {
  return crypto.createPublicKey({ key: Buffer.from(spki(name, publicKey)), format: 'der', type: 'spki' })
}

/** The own key and those of the peers: an end verifies with the same few again and again, and an import costs a quarter of that. */
const MOST_IMPORTED = 16
const imported = new Map<string, crypto.KeyObject>()

/** By all of its bytes, so nothing but the same key can be found. The one that was used longest ago gives way. */
function verifyingKey(algorithm: SignatureAlgorithm, publicKey: Uint8Array): crypto.KeyObject {
  const bytes = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString('latin1')
  const name = `${algorithm} ${bytes}`
  const key = imported.get(name) ?? importPublic(algorithm, publicKey)
  imported.delete(name)
  imported.set(name, key)
  const [oldest] = imported.keys()
  if (imported.size > MOST_IMPORTED && oldest !== undefined) imported.delete(oldest)
  return key
}

function privateKey(name: SignatureAlgorithm | KemName, seed: Uint8Array): crypto.KeyObject {
  const der = pkcs8OfSeed(name, seed)
  try {
    // Over the same memory: a Buffer made `from` these bytes would be a copy.
    const key = Buffer.from(der.buffer, der.byteOffset, der.length)
    return crypto.createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  } finally {
    wipe(der)
  }
}

/** The end of the key's SPKI, which is the raw key. */
function publicKeyOf(key: crypto.KeyObject, length: number): Uint8Array {
  const der = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' })
  return new Uint8Array(der.subarray(der.length - length))
}

function generateKemKey(name: KemName, seed: Uint8Array = randomBytes(64)) {
  const key = privateKey(name, seed)
  wipe(seed)
  return { privateKey: key, publicKey: publicKeyOf(key, KEM_LENGTHS[name].publicKey) }
}

function encapsulate(name: KemName, publicKey: Uint8Array): Encapsulation {
  if (crypto.encapsulate === undefined) throw new CountersignError('algorithm-unsupported', 'This Node has no ML-KEM.')
  const { ciphertext, sharedKey } = crypto.encapsulate(importPublic(name, publicKey))
  return { ciphertext: plain(ciphertext), sharedSecret: plain(sharedKey) }
}

function decapsulate(key: crypto.KeyObject, ciphertext: Uint8Array): Uint8Array {
  if (crypto.decapsulate === undefined) throw new CountersignError('algorithm-unsupported', 'This Node has no ML-KEM.')
  return plain(crypto.decapsulate(key, ciphertext))
}

/** A key from d ‖ z, 64 bytes (FIPS 203, algorithm 16), which are wiped, or a new one. */
export function nativeKemKey(name: KemName, seed?: Uint8Array): KemKey {
  const generated = generateKemKey(name, seed)
  let key: crypto.KeyObject | null = generated.privateKey
  return {
    publicKey: generated.publicKey,
    async decapsulate(ciphertext) {
      if (key === null) throw new CountersignError('internal', 'A key was used after it was wiped.')
      return decapsulate(key, ciphertext)
    },
    wipe() {
      key = null
    },
  }
}

function kemScheme(name: KemName): KemScheme {
  return {
    generate: () => nativeKemKey(name),
    // A copy, because what it is given it wipes, and the seed belongs to the caller.
    keyFromSeed: async (seed) => nativeKemKey(name, secretConcat(seed)),
    encapsulate: (publicKey) => encapsulate(name, publicKey),
  }
}
