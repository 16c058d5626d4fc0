import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { generateSeedKey, signWithSeed, verifyProbe } from '../../../src/crypto/signature.ts'

const message = encodeUtf8('a probe')
const changed = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte))

describe('the signature of a probe', () => {
  it('is verified for ML-DSA-44, which no suite takes', async () => {
    const { publicKey, secretKey } = ml_dsa44.keygen(new Uint8Array(32).fill(3))
    const signature = ml_dsa44.sign(message, secretKey)
    const verify = (key: Uint8Array, bytes: Uint8Array) => verifyProbe('ML-DSA-44', key, message, bytes)
    expect(await verify(publicKey, signature)).toBe(true)
    expect(await verify(publicKey, changed(signature))).toBe(false)
    expect(await verify(changed(publicKey), signature)).toBe(false)
    expect(await verify(publicKey, signature.subarray(1))).toBe(false)
    await expect(verify(publicKey.subarray(1), signature)).rejects.toMatchObject({ code: 'length' })
  })

  it('is verified for the algorithms of the suites as any other', async () => {
    const { seed, publicKey } = await generateSeedKey('ML-DSA-65')
    const signature = await signWithSeed('ML-DSA-65', seed, message)
    expect(await verifyProbe('ML-DSA-65', publicKey, message, signature)).toBe(true)
    expect(await verifyProbe('ML-DSA-65', publicKey, message, changed(signature))).toBe(false)
  })
})
