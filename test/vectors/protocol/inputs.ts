import { createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { type EcdhKey, p384Key, x25519Key } from '../../../src/crypto/ecdh.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import type { SignatureAlgorithm } from '../../../src/crypto/signature.ts'
import type { PeerIdentity } from '../../../src/session/api.ts'

/** "Random" bytes that are the same in every run, and differ by their label: SHA-256(label ‖ counter u8), as many as needed. */
export function fixed(label: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, counter) =>
    createHash('sha256').update(`countersign/1 vectors ${label}`).update(Uint8Array.of(counter)).digest(),
  )
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length))
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** An identity whose signatures are deterministic, so that they are the same in every run. Real ones are hedged. */
export interface FixedIdentity extends PeerIdentity {
  readonly seed: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export function fixedIdentity(name: string, algorithm: SignatureAlgorithm): FixedIdentity {
  const scheme = algorithm === 'ML-DSA-87' ? ml_dsa87 : ml_dsa65
  const seed = fixed(`${name} ${algorithm} seed`, 32)
  const { publicKey, secretKey } = scheme.keygen(seed)
  const sign = (message: Uint8Array): Uint8Array => scheme.sign(message, secretKey, { extraEntropy: false })
  return { kid: thumbprint(algorithm, publicKey), algorithm, publicKey, name, custody: 'software', seed, sign }
}

/** One key agreement with fixed keys: what both ends draw, send, and share. */
export interface FixedAgreement {
  readonly inputs: Readonly<Record<'kemSeed' | 'kemMessage' | 'clientEcdh' | 'serverEcdh', Uint8Array>>
  readonly kemKey: Uint8Array
  readonly ciphertext: Uint8Array
  readonly clientShare: Uint8Array
  readonly serverShare: Uint8Array
  readonly kemSecret: Uint8Array
  readonly ecdhSecret: Uint8Array
}

export function fixedAgreement(label: string, suite: SuiteName): FixedAgreement {
  const { kem, ecdh } = SUITES[suite]
  const scheme = kem === 'ML-KEM-1024' ? ml_kem1024 : ml_kem768
  const length = ecdh === 'X25519' ? 32 : 48
  const inputs = {
    kemSeed: fixed(`${label} ML-KEM d and z`, 64),
    kemMessage: fixed(`${label} ML-KEM m`, 32),
    clientEcdh: fixed(`${label} client ECDH`, length),
    serverEcdh: fixed(`${label} server ECDH`, length),
  }
  const { publicKey } = scheme.keygen(inputs.kemSeed)
  const { cipherText, sharedSecret } = scheme.encapsulate(publicKey, inputs.kemMessage)
  const [client, server] = [ecdhKey(ecdh, inputs.clientEcdh), ecdhKey(ecdh, inputs.serverEcdh)]
  return {
    inputs,
    kemKey: publicKey,
    ciphertext: cipherText,
    clientShare: client.share,
    serverShare: server.share,
    kemSecret: sharedSecret,
    ecdhSecret: client.derive(server.share),
  }
}

const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

function ecdhKey(name: 'X25519' | 'P-384', secret: Uint8Array): EcdhKey {
  if (name === 'P-384') {
    const ecdh = createECDH('secp384r1')
    ecdh.setPrivateKey(secret)
    return p384Key(ecdh)
  }
  const privateKey = createPrivateKey({ key: Buffer.concat([X25519_PKCS8, secret]), format: 'der', type: 'pkcs8' })
  return x25519Key(privateKey, createPublicKey(privateKey))
}
