import { asBytes, asList, asUint, type CborValue, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { ECDH_LENGTHS } from '../../crypto/ecdh.ts'
import { KEM_LENGTHS } from '../../crypto/kem.ts'
import { isSignatureAlgorithm, SIGNATURE_LENGTHS } from '../../crypto/signature.ts'
import { SUITES, type SuiteName } from '../../crypto/suite.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import { MAX_PLAINTEXT } from '../channel/record.ts'

/** Payloads of the rekey's records: deterministic CBOR arrays (docs/PROTOCOL.md, "Rekey"). Parsers throw `decode`. */

export const MAX_EPOCH = 0xffff_ffff

/** `[epoch, ML-KEM key, ECDH share]`: the epoch that shall begin, 1 to 2^32 - 1, and fresh shares for it. */
export interface RekeyInit {
  readonly epoch: number
  readonly kemKey: Uint8Array
  readonly share: Uint8Array
}

export function encodeRekeyInit({ epoch, kemKey, share }: RekeyInit): Uint8Array {
  return encodeCbor([epoch, kemKey, share])
}

export function parseRekeyInit(payload: Uint8Array, suite: SuiteName): RekeyInit {
  const [epoch, kemKey, share] = list(payload, 'A RekeyInit', 3)
  const { kem, ecdh } = SUITES[suite]
  return {
    epoch: asUint(epoch, 'A RekeyInit', MAX_EPOCH, 1),
    kemKey: asBytes(kemKey, 'A RekeyInit', KEM_LENGTHS[kem].publicKey),
    share: asBytes(share, 'A RekeyInit', ECDH_LENGTHS[ecdh].share),
  }
}

/** `[ML-KEM ciphertext, ECDH share, sigS]`. */
export interface RekeyAck {
  readonly ciphertext: Uint8Array
  readonly share: Uint8Array
  readonly signature: Uint8Array
}

export function encodeRekeyAck({ ciphertext, share, signature }: RekeyAck): Uint8Array {
  return encodeCbor([ciphertext, share, signature])
}

/** What of a RekeyAck is signed: `[ML-KEM ciphertext, ECDH share]`. */
export function unsignedAck({ ciphertext, share }: Omit<RekeyAck, 'signature'>): Uint8Array {
  return encodeCbor([ciphertext, share])
}

export function parseRekeyAck(payload: Uint8Array, suite: SuiteName, gateway: PeerIdentity): RekeyAck {
  const [ciphertext, share, signature] = list(payload, 'A RekeyAck', 3)
  const { kem, ecdh } = SUITES[suite]
  return {
    ciphertext: asBytes(ciphertext, 'A RekeyAck', KEM_LENGTHS[kem].ciphertext),
    share: asBytes(share, 'A RekeyAck', ECDH_LENGTHS[ecdh].share),
    signature: signatureOf(signature, gateway),
  }
}

/** `[sigC]`. */
export function encodeRekeyDone(signature: Uint8Array): Uint8Array {
  return encodeCbor([signature])
}

export function parseRekeyDone(payload: Uint8Array, client: PeerIdentity): Uint8Array {
  return signatureOf(list(payload, 'A RekeyDone', 1)[0], client)
}

/** `[epoch]`: the first record of the gateway under the keys of the epoch that it names. */
export function encodeEpochStart(epoch: number): Uint8Array {
  return encodeCbor([epoch])
}

export function parseEpochStart(payload: Uint8Array): number {
  return asUint(list(payload, 'An EpochStart', 1)[0], 'An EpochStart', MAX_EPOCH, 1)
}

/** A length of another algorithm is a wrong signature and not a malformed message, as in the handshake. */
function signatureOf(value: CborValue | undefined, { algorithm }: PeerIdentity): Uint8Array {
  const signature = asBytes(value, 'A rekey signature', { max: MAX_PLAINTEXT })
  if (isSignatureAlgorithm(algorithm) && signature.length === SIGNATURE_LENGTHS[algorithm].signature) return signature
  throw new SessionError(ALERT.badSignature, 'The signature of a rekey has a wrong length.')
}

function list(payload: Uint8Array, what: string, length: number): readonly CborValue[] {
  return asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), what, length)
}
