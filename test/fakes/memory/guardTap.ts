import type { KemKey, KemScheme, PqBackend } from '../../../src/crypto/backend/backend.ts'
import * as guard from '../../../src/crypto/backend/guard.ts'
import { drawn, tell } from './tap.ts'

/** The checks around a backend, with its secrets told from the inside. */
export { checkEncapsulationKey } from '../../../src/crypto/backend/guard.ts'

export function guarded(backend: PqBackend): PqBackend {
  return guard.guarded({ ...backend, kem: async (name) => tapped(await backend.kem(name)) })
}

function tapped(scheme: KemScheme): KemScheme {
  return {
    generate() {
      const key: KemKey & { readonly secretKey?: Uint8Array } = drawn('ML-KEM seed', () => scheme.generate())
      // The native backend has none: OpenSSL keeps seed and key to itself.
      if (key.secretKey !== undefined) tell('ML-KEM decapsulation key', key.secretKey)
      return { ...key, decapsulate: async (ciphertext) => tell('ss_mlkem', await key.decapsulate(ciphertext)) }
    },
    keyFromSeed: (seed) => scheme.keyFromSeed(seed),
    encapsulate(publicKey) {
      const encapsulation = drawn('ML-KEM message', () => scheme.encapsulate(publicKey))
      tell('ss_mlkem', encapsulation.sharedSecret)
      return encapsulation
    },
  }
}
