import { createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { type EcdhKey, type EcdhName, p384Key, x25519Key } from '../../src/crypto/ecdh.ts'
import type { KemName } from '../../src/crypto/kem.ts'
import { hex, readJson } from './folder.ts'
import { equal, type VectorSuite } from './suites.ts'

/** `302e…` is PKCS#8 of an X25519 key before its 32 bytes (RFC 8410). */
export function x25519OfPrivate(scalar: Uint8Array): EcdhKey {
  const key = Buffer.concat([hex('302e020100300506032b656e04220420'), scalar])
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  return x25519Key(privateKey, createPublicKey(privateKey))
}

function p384OfPrivate(scalar: Uint8Array): EcdhKey {
  const ecdh = createECDH('secp384r1')
  ecdh.setPrivateKey(scalar)
  return p384Key(ecdh)
}

interface HybridCase {
  readonly seed: string
  readonly pk: string
  readonly ct: string
  readonly ss: string
}

/**
 * The concrete hybrid KEMs of the CFRG. Ours combines differently (it concatenates: the key schedule hashes the rest), so
 * these check the two halves together: SHA3-256(ss_mlkem ‖ ss_ecdh ‖ ct_ecdh ‖ pk_ecdh ‖ label).
 */
function hybrid(file: string, kem: KemName, ecdh: EcdhName, ciphertextLength: number, label: string): VectorSuite {
  const [scalarLength, ofPrivate] =
    ecdh === 'X25519' ? ([32, x25519OfPrivate] as const) : ([48, p384OfPrivate] as const)
  return {
    name: `Hybrid ${kem} with ${ecdh}`,
    async run({ kemKey }, count) {
      for (const [index, { seed, pk, ct, ss }] of readJson<HybridCase[]>(`hybrid/${file}.json`).entries()) {
        count.ran++
        const expanded = new Uint8Array(
          createHash('shake256', { outputLength: 64 + scalarLength })
            .update(hex(seed))
            .digest(),
        )
        const key = await kemKey(kem, expanded.slice(0, 64))
        const share = ofPrivate(expanded.slice(64))
        equal(Buffer.concat([key.publicKey, share.share]), hex(pk), `case ${index}, public key`)
        const peerShare = hex(ct).slice(ciphertextLength)
        const secret = createHash('sha3-256')
          .update(await key.decapsulate(hex(ct).slice(0, ciphertextLength)))
          .update(share.derive(peerShare))
          .update(peerShare)
          .update(share.share)
          .update(label)
          .digest()
        equal(secret, hex(ss), `case ${index}`)
      }
    },
  }
}

export const HYBRID_SUITES: readonly VectorSuite[] = [
  hybrid('test-vectors-MLKEM768X25519', 'ML-KEM-768', 'X25519', 1088, '\\.//^\\'),
  hybrid('test-vectors-MLKEM1024P384', 'ML-KEM-1024', 'P-384', 1568, 'MLKEM1024-P384'),
]
