import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { decodeBase64url, encodeBase64url, plain } from './encoding.ts'
import { secretConcat, wipe } from './random.ts'

export type EcdhName = 'X25519' | 'P-384'

/** Bytes. A P-384 share is an uncompressed point: 0x04 ‖ x ‖ y (SEC 1, section 2.3.3). */
export const ECDH_LENGTHS: Readonly<Record<EcdhName, { share: number; secret: number }>> = {
  X25519: { share: 32, secret: 32 },
  'P-384': { share: 97, secret: 48 },
}

export interface EcdhKey {
  /** Our public share. */
  readonly share: Uint8Array
  /**
   * The shared secret: 32 bytes for X25519 (RFC 7748), the x coordinate of 48 bytes for P-384.
   * @throws CountersignError `length`; `peer-protocol` for a point that is not one, or an all-zero result
   */
  derive(peerShare: Uint8Array): Uint8Array
  wipe(): void
}

/** A new key for one handshake or rekey. */
export function generateEcdhKey(name: EcdhName): EcdhKey {
  if (name === 'P-384') {
    const ecdh = createECDH('secp384r1')
    ecdh.generateKeys()
    return p384Key(ecdh)
  }
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  return x25519Key(privateKey, publicKey)
}

/** PKCS#8 of an X25519 private key before its 32 bytes (RFC 8410, section 7). */
const X25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20)

/** The X25519 key of 32 secret bytes (RFC 7748, section 5), for keys that are kept. @throws CountersignError `length` */
export function x25519FromSecret(secret: Uint8Array): EcdhKey {
  if (secret.length !== 32) throw new CountersignError('length', 'An X25519 private key has 32 bytes.')
  const der = secretConcat(X25519_PKCS8, secret)
  try {
    // Over the same memory: a Buffer made `from` these bytes would be a copy.
    const key = Buffer.from(der.buffer, der.byteOffset, der.length)
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    return x25519Key(privateKey, createPublicKey(privateKey))
  } finally {
    wipe(der)
  }
}

/** X25519 on a key object; for `generateEcdhKey` and test vectors. */
export function x25519Key(privateKey: KeyObject, publicKey: KeyObject): EcdhKey {
  // As JWK (RFC 8037), which Node reads and writes in a tenth of the time that OpenSSL takes for DER.
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const agree = (peerShare: Uint8Array): Uint8Array => {
    const key = { kty: 'OKP', crv: 'X25519', x: encodeBase64url(peerShare) }
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) })
  }
  // OpenSSL owns the private key and overwrites it when the garbage collector takes the last reference: we cannot sooner.
  return ecdhKey('X25519', decodeBase64url(x), agree)
}

/** P-384 on an ECDH object that has a key; for `generateEcdhKey` and test vectors. */
export function p384Key(ecdh: ECDH): EcdhKey {
  const agree = (peerShare: Uint8Array): Uint8Array => {
    // Node also takes compressed (02, 03) and hybrid (06, 07) points: one key would then have several spellings.
    if (peerShare[0] !== 4) throw new CountersignError('peer-protocol', 'A P-384 share is not an uncompressed point.')
    return ecdh.computeSecret(peerShare)
  }
  // OpenSSL owns the private key as well, but a new one is written over it.
  return ecdhKey('P-384', new Uint8Array(ecdh.getPublicKey()), agree, () => void ecdh.generateKeys())
}

function ecdhKey(
  name: EcdhName,
  share: Uint8Array,
  compute: (peerShare: Uint8Array) => Uint8Array,
  overwrite?: () => void,
): EcdhKey {
  let agree: typeof compute | null = compute
  return {
    share,
    derive(peerShare) {
      if (peerShare.length !== ECDH_LENGTHS[name].share) {
        throw new CountersignError('length', said`An ${name} share has a wrong length.`)
      }
      if (agree === null) throw new CountersignError('internal', 'A key was used after it was wiped.')
      const secret = derive(name, agree, peerShare)
      // RFC 7748, section 6.1: a share of small order makes the secret a constant. OpenSSL refuses it as well, others may not.
      if (secret.every((byte) => byte === 0)) throw refused(name)
      return secret
    },
    wipe() {
      if (agree !== null) overwrite?.()
      agree = null
    },
  }
}

function derive(name: EcdhName, agree: (peerShare: Uint8Array) => Uint8Array, peerShare: Uint8Array): Uint8Array {
  try {
    return plain(agree(peerShare))
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    throw refused(name, cause)
  }
}

function refused(name: EcdhName, cause?: unknown): CountersignError {
  return new CountersignError('peer-protocol', said`The peer's ${name} share is not usable.`, { cause })
}
