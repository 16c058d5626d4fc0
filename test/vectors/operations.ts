import crypto from 'node:crypto'
import type { BackendName, Encapsulation, KemKey, PqBackend } from '../../src/crypto/backend/backend.ts'
import { loadBackend } from '../../src/crypto/backend/select.ts'
import type { KemName } from '../../src/crypto/kem.ts'
import type { SignatureAlgorithm } from '../../src/crypto/signature.ts'

/**
 * What vectors need of a backend beyond what the product uses: randomness that is given, and expanded keys. A backend that
 * cannot do one of them leaves it out, and the cases that need it are counted as not applicable.
 */
export interface Operations {
  readonly name: BackendName
  readonly backend: PqBackend
  /** ML-DSA.Sign with rnd given. */
  readonly signExpanded?: (
    algorithm: SignatureAlgorithm,
    secretKey: Uint8Array,
    message: Uint8Array,
    rnd: Uint8Array,
  ) => Promise<Uint8Array>
  /** The backend's own expansion of a seed. */
  readonly expandSeed?: (algorithm: SignatureAlgorithm, seed: Uint8Array) => Promise<Uint8Array>
  readonly kemKey: (name: KemName, seed: Uint8Array) => Promise<KemKey & { secretKey?: Uint8Array }>
  readonly encapsulate?: (name: KemName, publicKey: Uint8Array, m: Uint8Array) => Promise<Encapsulation>
  readonly decapsulateExpanded: (name: KemName, secretKey: Uint8Array, ciphertext: Uint8Array) => Promise<Uint8Array>
}

export async function loadOperations(name: BackendName): Promise<Operations | null> {
  const backend = await loadBackend(name)
  if (backend === null) return null
  if (name === 'native') return nativeOperations(backend)
  return name === 'wasm' ? wasmOperations(backend) : nobleOperations(backend)
}

async function nobleOperations(backend: PqBackend): Promise<Operations> {
  const noble = await import('../../src/crypto/backend/noble.ts')
  return {
    name: 'noble',
    backend,
    signExpanded: async (...args) => noble.signWithRandomness(...args),
    expandSeed: async (algorithm, seed) => noble.expandSeed(algorithm, seed).secretKey,
    kemKey: async (kem, seed) => noble.nobleKemKey(kem, seed),
    encapsulate: async (...args) => noble.encapsulateDeterministic(...args),
    decapsulateExpanded: async (...args) => noble.decapsulateExpanded(...args),
  }
}

async function wasmOperations(backend: PqBackend): Promise<Operations> {
  const { loadWasmKem, loadWasmSignature } = await import('../../src/crypto/backend/wasm.ts')
  const { expandSeed } = await import('../../src/crypto/backend/noble.ts')
  const signatures = {
    'ML-DSA-65': await loadWasmSignature('ML-DSA-65'),
    'ML-DSA-87': await loadWasmSignature('ML-DSA-87'),
  }
  const kems = { 'ML-KEM-768': await loadWasmKem('ML-KEM-768'), 'ML-KEM-1024': await loadWasmKem('ML-KEM-1024') }
  return {
    name: 'wasm',
    backend,
    signExpanded: async (algorithm, secretKey, message, rnd) =>
      withEntropy(rnd, () => signatures[algorithm].signExpanded(secretKey, message)),
    expandSeed: async (algorithm, seed) => expandSeed(algorithm, seed).secretKey,
    kemKey: async (kem, seed) => withEntropy(seed, () => kems[kem].generate()),
    encapsulate: async (kem, publicKey, m) => withEntropy(m, () => kems[kem].encapsulate(publicKey)),
    decapsulateExpanded: async (kem, ...args) => kems[kem].decapsulateExpanded(...args),
  }
}

/** Runs `use` with a generator that gives these bytes and then fails: the library takes randomness from node:crypto. */
function withEntropy<T>(entropy: Uint8Array, use: () => T): T {
  const original = crypto.randomFillSync
  let offset = 0
  const replay = <B extends Uint8Array>(target: B): B => {
    if (offset + target.length > entropy.length) throw new Error('More randomness was drawn than the vector has.')
    target.set(entropy.subarray(offset, offset + target.length))
    offset += target.length
    return target
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the library calls it with a Uint8Array
  crypto.randomFillSync = replay as typeof crypto.randomFillSync
  try {
    const result = use()
    if (offset !== entropy.length) throw new Error('Less randomness was drawn than the vector has.')
    return result
  } finally {
    crypto.randomFillSync = original
  }
}

async function nativeOperations(backend: PqBackend): Promise<Operations> {
  const { nativeKemKey } = await import('../../src/crypto/backend/native.ts')
  const { decapsulate } = crypto
  if (decapsulate === undefined) throw new Error('The native backend works without decapsulation.')
  return {
    name: 'native',
    backend,
    // The product wipes the seed it gives, so the vector's is copied.
    kemKey: async (kem, seed) => nativeKemKey(kem, seed.slice()),
    decapsulateExpanded: async (kem, secretKey, ciphertext) =>
      new Uint8Array(decapsulate(importExpanded(kem, secretKey), ciphertext)),
  }
}

/** PKCS#8 with an expanded ML-KEM key (RFC 9935, the `expandedKey` choice). */
function importExpanded(kem: KemName, secretKey: Uint8Array): crypto.KeyObject {
  const element = (tag: number, body: Uint8Array) =>
    Buffer.concat([Uint8Array.of(tag, 0x82, body.length >>> 8, body.length & 255), body])
  const identifier = `300b06096086480165030404${kem === 'ML-KEM-768' ? '02' : '03'}`
  const key = element(
    0x30,
    Buffer.concat([Buffer.from(`020100${identifier}`, 'hex'), element(0x04, element(0x04, secretKey))]),
  )
  return crypto.createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}
