import { createECDH, generateKeyPairSync } from 'node:crypto'
import { type EcdhKey, type EcdhName, p384Key, x25519Key } from '../../../src/crypto/ecdh.ts'
import { tell } from './tap.ts'

/** `generateEcdhKey` as src/crypto/ecdh.ts has it, with the private key told: it lies in OpenSSL and has no buffer of ours. */
export * from '../../../src/crypto/ecdh.ts'

export function generateEcdhKey(name: EcdhName): EcdhKey {
  const key = name === 'P-384' ? newP384Key() : newX25519Key()
  return { ...key, derive: (peerShare) => tell('ss_ecdh', key.derive(peerShare)) }
}

function newX25519Key(): EcdhKey {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const { d = '' } = privateKey.export({ format: 'jwk' })
  tell('ECDH private key', d)
  return x25519Key(privateKey, publicKey)
}

function newP384Key(): EcdhKey {
  const ecdh = createECDH('secp384r1')
  ecdh.generateKeys()
  // A copy, which is ours to wipe.
  tell('ECDH private key', ecdh.getPrivateKey()).fill(0)
  return p384Key(ecdh)
}
