import type { KemName } from './algorithms.ts'
import type { Encapsulation, KemKey } from './backend/backend.ts'
import { pq } from './backend/select.ts'

export { KEM_LENGTHS, KEM_SEED_LENGTH, type KemName } from './algorithms.ts'
export type { Encapsulation, KemKey } from './backend/backend.ts'

/** ML-KEM.KeyGen (FIPS 203, algorithm 19). The caller wipes the key. */
export async function generateKemKey(name: KemName): Promise<KemKey> {
  const scheme = await (await pq()).kem(name)
  return scheme.generate()
}

/**
 * The key of d ‖ z, 64 bytes (ML-KEM.KeyGen_internal, FIPS 203, algorithm 16), for keys that are kept. The caller wipes both.
 * @throws CountersignError `length`
 */
export async function kemKeyFromSeed(name: KemName, seed: Uint8Array): Promise<KemKey> {
  const scheme = await (await pq()).kem(name)
  return await scheme.keyFromSeed(seed)
}

/**
 * ML-KEM.Encaps (FIPS 203, algorithm 20) with the input checks of section 7.2 on every backend.
 * @throws CountersignError `length`, or `peer-protocol` for a key with a coefficient of q or more
 */
export async function encapsulate(name: KemName, publicKey: Uint8Array): Promise<Encapsulation> {
  const scheme = await (await pq()).kem(name)
  return scheme.encapsulate(publicKey)
}
