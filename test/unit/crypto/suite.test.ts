import { createECDH } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { generateEcdhKey } from '../../../src/crypto/ecdh.ts'
import { encapsulate, generateKemKey } from '../../../src/crypto/kem.ts'
import { generateSeedKey, SeedSigner, signWithSeed, verifySignature } from '../../../src/crypto/signature.ts'
import {
  DEFAULT_SUITES,
  encapsulateHybrid,
  generateHybridKey,
  join,
  isSuiteName,
  SUITES,
  signatureMeets,
} from '../../../src/crypto/suite.ts'

const code = (value: string) => expect.objectContaining({ code: value })

describe('suites', () => {
  test('names are exactly the three', () => {
    expect(DEFAULT_SUITES.toSorted()).toEqual(Object.keys(SUITES).toSorted())
    for (const name of DEFAULT_SUITES) expect(SUITES[name].name).toBe(name)
    for (const bad of ['', 'constructor', '__proto__', 7, null]) expect(isSuiteName(bad)).toBe(false)
  })

  test('a signature may be stronger, not weaker', () => {
    expect(signatureMeets('MLKEM768_X25519_MLDSA65_AES256GCM_SHA384', 'ML-DSA-87')).toBe(true)
    expect(signatureMeets('MLKEM768_X25519_MLDSA65_AES256GCM_SHA384', 'ML-DSA-65')).toBe(true)
    expect(signatureMeets('MLKEM1024_P384_MLDSA87_AES256GCM_SHA384', 'ML-DSA-65')).toBe(false)
  })

  test.each(DEFAULT_SUITES)('%s agrees on a secret', async (suite) => {
    const initiator = await generateHybridKey(suite)
    const { ciphertext, share, secret } = await encapsulateHybrid(suite, initiator.kemKey, initiator.share)
    expect(secret).toHaveLength(suite.includes('P384') ? 80 : 64)
    expect(await initiator.combine(ciphertext, share)).toEqual(secret)
    ciphertext[0] = (ciphertext[0] ?? 0) ^ 1
    // Implicit rejection: another secret, no error, and the ECDH half is the same.
    const other = await initiator.combine(ciphertext, share)
    expect(other.slice(0, 32)).not.toEqual(secret.slice(0, 32))
    expect(other.slice(32)).toEqual(secret.slice(32))
    initiator.wipe()
    await expect(initiator.combine(ciphertext, share)).rejects.toThrow(code('internal'))
  })
})

describe('input checks', () => {
  test('a share that is refused leaves no ML-KEM secret behind', () => {
    const secret = new Uint8Array(32).fill(7)
    expect(() => join(secret, generateEcdhKey('X25519'), new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'peer-protocol' }),
    )
    expect(secret.every((byte) => byte === 0)).toBe(true)
  })

  test('X25519: lengths and small order', () => {
    const key = generateEcdhKey('X25519')
    expect(() => key.derive(new Uint8Array(31))).toThrow(code('length'))
    expect(() => key.derive(new Uint8Array(32))).toThrow(code('peer-protocol'))
  })

  test('P-384: uncompressed points on the curve only', () => {
    const key = generateEcdhKey('P-384')
    const peer = createECDH('secp384r1')
    const share = new Uint8Array(peer.generateKeys())
    expect(key.derive(share)).toEqual(new Uint8Array(peer.computeSecret(key.share)))
    expect(() => key.derive(new Uint8Array(peer.getPublicKey(null, 'compressed')))).toThrow(code('length'))
    expect(() => key.derive(new Uint8Array(peer.getPublicKey(null, 'hybrid')))).toThrow(code('peer-protocol'))
    const off = share.slice()
    off[96] = (off[96] ?? 0) ^ 1
    expect(() => key.derive(off)).toThrow(code('peer-protocol'))
    expect(() => key.derive(new Uint8Array(97).fill(4, 0, 1))).toThrow(code('peer-protocol'))
  })

  test('ML-KEM: lengths and modulus', async () => {
    const key = await generateKemKey('ML-KEM-768')
    await expect(encapsulate('ML-KEM-768', key.publicKey.subarray(1))).rejects.toThrow(code('length'))
    await expect(encapsulate('ML-KEM-1024', key.publicKey)).rejects.toThrow(code('length'))
    await expect(encapsulate('ML-KEM-768', new Uint8Array(1184).fill(255))).rejects.toThrow(code('peer-protocol'))
    await expect(key.decapsulate(new Uint8Array(1087))).rejects.toThrow(code('length'))
    key.wipe()
    await expect(key.decapsulate(new Uint8Array(1088))).rejects.toThrow(code('internal'))
  })

  test('ML-DSA: a bad signature is false, a bad key an error', async () => {
    const { seed, publicKey } = await generateSeedKey('ML-DSA-65')
    const message = new Uint8Array(100)
    const signature = await signWithSeed('ML-DSA-65', seed, message)
    expect(await signWithSeed('ML-DSA-65', seed, message)).not.toEqual(signature)
    expect(await verifySignature('ML-DSA-65', publicKey, message, signature)).toBe(true)
    expect(await verifySignature('ML-DSA-65', publicKey, Buffer.from(message), Buffer.from(signature))).toBe(true)
    for (const bad of [
      new Uint8Array(0),
      signature.subarray(1),
      new Uint8Array([...signature, 0]),
      new Uint8Array(3309),
    ]) {
      expect(await verifySignature('ML-DSA-65', publicKey, message, bad)).toBe(false)
    }
    await expect(verifySignature('ML-DSA-87', publicKey, message, signature)).rejects.toThrow(code('length'))
    await expect(SeedSigner.create('ML-DSA-65', seed.subarray(1))).rejects.toThrow(code('length'))
    const signer = await SeedSigner.create('ML-DSA-65', seed)
    signer.dispose()
    expect(() => signer.sign(message)).toThrow(code('vault-locked'))
  })
})
