import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { KEM_LENGTHS, type KemName, SIGNATURE_LENGTHS, type SignatureAlgorithm } from '../algorithms.ts'
import { constantTimeEqual } from '../hash.ts'
import { wipe } from '../random.ts'
import type { KemKey, KemScheme, PqBackend, SignatureScheme } from './backend.ts'
import { copyOut, type Library, loadModule, withMemory, withSecrets } from './wasmModule.ts'

/** liboqs compiled to WebAssembly. An algorithm is loaded when it is first used: 66 KB and some milliseconds each. */
const SIGNING_KEY: Readonly<Record<SignatureAlgorithm, number>> = { 'ML-DSA-87': 4896, 'ML-DSA-65': 4032 }
const DECAPSULATION_KEY: Readonly<Record<KemName, number>> = { 'ML-KEM-1024': 3168, 'ML-KEM-768': 2400 }

/** @throws where WebAssembly does not run or a round trip fails */
export async function createWasmBackend(): Promise<PqBackend> {
  const signatures = new Map<SignatureAlgorithm, Promise<SignatureScheme>>()
  const kems = new Map<KemName, Promise<KemScheme>>()
  const backend: PqBackend = {
    name: 'wasm',
    signature: (algorithm) => once(signatures, algorithm, (key) => loadWasmSignature(key)),
    kem: (name) => once(kems, name, (key) => loadWasmKem(key)),
  }
  await selfTest(await backend.kem('ML-KEM-1024'))
  return backend
}

function once<K, V>(made: Map<K, Promise<V>>, key: K, make: (key: K) => Promise<V>): Promise<V> {
  const known = made.get(key) ?? make(key)
  made.set(key, known)
  return known
}

/** One algorithm stands for all four: they are built alike, and loading each costs time that nobody asked for. */
async function selfTest(kem: KemScheme): Promise<void> {
  const key = kem.generate()
  const { ciphertext, sharedSecret } = kem.encapsulate(key.publicKey)
  if (!constantTimeEqual(await key.decapsulate(ciphertext), sharedSecret)) {
    throw new CountersignError('algorithm-unsupported', 'WebAssembly does not work here.')
  }
}

/** With the operation on an expanded key, in which test vectors are written. */
export interface WasmSignature extends SignatureScheme {
  signExpanded(secretKey: Uint8Array, message: Uint8Array): Uint8Array
}

export interface WasmKem extends KemScheme {
  generate(): KemKey & { readonly secretKey: Uint8Array }
  decapsulateExpanded(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array
}

/** @param loaded for tests that look into its memory */
export async function loadWasmSignature(algorithm: SignatureAlgorithm, loaded?: Library): Promise<WasmSignature> {
  const library = loaded ?? (await loadModule(algorithm))
  const { module, scheme } = library
  const signExpanded = (secretKey: Uint8Array, message: Uint8Array) => sign(library, algorithm, secretKey, message)
  return {
    signExpanded,
    verify: (publicKey, message, signature) =>
      withMemory(
        module,
        [message, signature, publicKey],
        (m, s, pk) => module._OQS_SIG_verify(scheme, m, message.length, s, signature.length, pk) === 0,
      ),
    async keyFromSeed(seed) {
      const { expandSeed } = await import('./noble.ts')
      const { publicKey, secretKey } = expandSeed(algorithm, seed)
      return { publicKey, sign: (message) => signExpanded(secretKey, message), wipe: () => wipe(secretKey) }
    },
  }
}

function sign(library: Library, algorithm: SignatureAlgorithm, secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  // The library reads as many bytes as the algorithm says, whatever we copied in.
  if (secretKey.length !== SIGNING_KEY[algorithm]) throw wrongLength('signing')
  const { signature } = SIGNATURE_LENGTHS[algorithm]
  const { module, scheme } = library
  return withSecrets(library, [signature, 8, message, secretKey], (out, size, m, sk) => {
    succeeded(module._OQS_SIG_sign(scheme, out, size, m, message.length, sk))
    return copyOut(module, out, signature)
  })
}

/** @param loaded for tests that look into its memory */
export async function loadWasmKem(name: KemName, loaded?: Library): Promise<WasmKem> {
  const library = loaded ?? (await loadModule(name))
  const { module, scheme } = library
  const { publicKey: ekLength, ciphertext: ctLength, sharedSecret: ssLength } = KEM_LENGTHS[name]

  function decapsulateExpanded(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    if (secretKey.length !== DECAPSULATION_KEY[name]) throw wrongLength('decapsulation')
    return withSecrets(library, [ssLength, ciphertext, secretKey], (ss, ct, sk) => {
      succeeded(module._OQS_KEM_decaps(scheme, ss, ct, sk))
      return copyOut(module, ss, ssLength)
    })
  }

  return {
    decapsulateExpanded,
    generate: () =>
      withSecrets(library, [ekLength, DECAPSULATION_KEY[name]], (pk, sk) => {
        succeeded(module._OQS_KEM_keypair(scheme, pk, sk))
        const secretKey = copyOut(module, sk, DECAPSULATION_KEY[name])
        return {
          publicKey: copyOut(module, pk, ekLength),
          secretKey,
          decapsulate: async (ciphertext) => decapsulateExpanded(secretKey, ciphertext),
          wipe: () => wipe(secretKey),
        }
      }),
    async keyFromSeed(seed) {
      // The library has no way to start from a seed.
      const { nobleKemKey } = await import('./noble.ts')
      const { publicKey, secretKey } = nobleKemKey(name, seed)
      return {
        publicKey,
        decapsulate: async (ciphertext) => decapsulateExpanded(secretKey, ciphertext),
        wipe: () => wipe(secretKey),
      }
    },
    encapsulate: (publicKey) =>
      withSecrets(library, [ctLength, ssLength, publicKey], (ct, ss, pk) => {
        succeeded(module._OQS_KEM_encaps(scheme, ct, ss, pk))
        return { ciphertext: copyOut(module, ct, ctLength), sharedSecret: copyOut(module, ss, ssLength) }
      }),
  }
}

function succeeded(status: number): void {
  if (status !== 0) throw new CountersignError('internal', 'The WASM library reported a failure.')
}

function wrongLength(what: string): CountersignError {
  return new CountersignError('length', said`A ${what} key has a wrong length.`)
}
