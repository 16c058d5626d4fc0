import type { KemName } from './algorithms.ts'
import type { Encapsulation, KemKey } from './backend/backend.ts'
import { pq } from './backend/select.ts'

export { KEM_LENGTHS, type KemName } from './algorithms.ts'
export type { Encapsulation, KemKey } from './backend/backend.ts'

/** ML-KEM.KeyGen (FIPS 203, algorithm 19). The caller wipes the key. */
export async function generateKemKey(name: KemName): Promise<KemKey> {
  const scheme = await (await pq()).kem(name)
  return scheme.generate()
}

/**
 * ML-KEM.Encaps (FIPS 203, algorithm 20) with the input checks of section 7.2 on every backend.
 * @throws CountersignError `length`, or `peer-protocol` for a key with a coefficient of q or more
 */
export async function encapsulate(name: KemName, publicKey: Uint8Array): Promise<Encapsulation> {
  const scheme = await (await pq()).kem(name)
  return scheme.encapsulate(publicKey)
}
