import type { KemName, MlDsa } from '../algorithms.ts'
import { concat } from '../encoding.ts'
import { secretConcat } from '../random.ts'

/**
 * The DER that node:crypto wants around raw keys (RFC 9881 for ML-DSA, RFC 9935 for ML-KEM). It is written here and never
 * read: what a peer sends is raw bytes of a fixed length.
 */
type Algorithm = MlDsa | KemName

/** Last two arcs below 2.16.840.1.101.3.4 (NIST's algorithms). */
const ARCS: Readonly<Record<Algorithm, readonly [number, number]>> = {
  'ML-DSA-44': [3, 17],
  'ML-DSA-65': [3, 18],
  'ML-DSA-87': [3, 19],
  'ML-KEM-768': [4, 2],
  'ML-KEM-1024': [4, 3],
}

const SEQUENCE = 0x30
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OID = 0x06
/** [0] IMPLICIT OCTET STRING: the `seed` choice of both private key types. */
const SEED = 0x80

/** SubjectPublicKeyInfo of a raw public key. */
export function spki(name: Algorithm, publicKey: Uint8Array): Uint8Array {
  return element(SEQUENCE, identifier(name), element(BIT_STRING, Uint8Array.of(0), publicKey))
}

/** PKCS#8 of a seed: ξ (32 bytes) for ML-DSA, d ‖ z (64) for ML-KEM. The caller wipes it. */
export function pkcs8OfSeed(name: Algorithm, seed: Uint8Array): Uint8Array {
  const version = element(INTEGER, Uint8Array.of(0))
  // Zeros stand for the seed until the end, which is where it belongs: each element that holds another copies it.
  const zeros = new Uint8Array(seed.length)
  const der = element(SEQUENCE, version, identifier(name), element(OCTET_STRING, element(SEED, zeros)))
  return secretConcat(der.subarray(0, der.length - seed.length), seed)
}

function identifier(name: Algorithm): Uint8Array {
  return element(SEQUENCE, element(OID, Uint8Array.of(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, ...ARCS[name])))
}

function element(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content)
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >>> 8, body.length & 255]
  return concat(Uint8Array.of(tag, ...length), body)
}
