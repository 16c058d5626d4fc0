import { describe, expect, it } from 'vitest'
import { spki } from '../../../src/crypto/backend/der.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { SIGNATURE_LENGTHS, type SignatureAlgorithm } from '../../../src/crypto/signature.ts'
import { readPublicKey } from '../../../src/keys/process/pkcs11/attributes.ts'

const ALGORITHMS: readonly SignatureAlgorithm[] = ['ML-DSA-87', 'ML-DSA-65']

describe('a public key as a token keeps it', () => {
  it.each(ALGORITHMS)('%s: raw, or as SubjectPublicKeyInfo', (algorithm) => {
    const publicKey = randomBytes(SIGNATURE_LENGTHS[algorithm].publicKey)
    const wrapped = Buffer.from(spki(algorithm, publicKey))
    expect(readPublicKey(Buffer.from(publicKey))).toEqual({ algorithm, publicKey })
    expect(readPublicKey(wrapped)).toEqual({ algorithm, publicKey })
    expect(readPublicKey(Buffer.concat([wrapped, Buffer.of(0)]))).toBeUndefined()
    expect(readPublicKey(wrapped.subarray(0, -1))).toBeUndefined()
    wrapped[15] = (wrapped[15] ?? 0) ^ 1
    expect(readPublicKey(wrapped)).toBeUndefined()
  })

  it('ML-DSA-44: raw, or as SubjectPublicKeyInfo with the object identifier of RFC 9881', () => {
    const publicKey = randomBytes(1312)
    const prefix = Buffer.from('30820532300b06096086480165030403110382052100', 'hex')
    const found = { algorithm: 'ML-DSA-44', publicKey }
    expect(readPublicKey(Buffer.from(publicKey))).toEqual(found)
    expect(readPublicKey(Buffer.concat([prefix, publicKey]))).toEqual(found)
    prefix[16] = 0x12
    expect(readPublicKey(Buffer.concat([prefix, publicKey]))).toBeUndefined()
  })

  it('of another algorithm, or none, is none', () => {
    expect(readPublicKey(undefined)).toBeUndefined()
    expect(readPublicKey(Buffer.alloc(0))).toBeUndefined()
    expect(readPublicKey(Buffer.alloc(1311))).toBeUndefined()
  })
})
