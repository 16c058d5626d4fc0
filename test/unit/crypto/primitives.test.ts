import { createHash, createHmac, scryptSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { open, seal } from '../../../src/crypto/aead.ts'
import {
  constantTimeEqual,
  hmacSha384,
  sha256,
  sha384,
  sha384Public,
  sha384Text,
  TranscriptHash,
} from '../../../src/crypto/hash.ts'
import { expand, expandLabel, extract, ZERO } from '../../../src/crypto/hkdf.ts'
import { deriveKey } from '../../../src/crypto/passphrase.ts'
import { randomBytes, wipe } from '../../../src/crypto/random.ts'

const text = (value: string) => new TextEncoder().encode(value)

describe('hashing', () => {
  test('parts are one message', () => {
    const expected = new Uint8Array(createHash('sha384').update('abc').digest())
    expect(sha384(text('a'), text('bc'))).toEqual(expected)
    expect(sha256(text('abc'))).toEqual(new Uint8Array(createHash('sha256').update('abc').digest()))
    expect(hmacSha384(text('k'), text('a'), text('bc'))).toEqual(
      new Uint8Array(createHmac('sha384', 'k').update('abc').digest()),
    )
  })

  test.each([[[]], [[0]], [[1, 48, 48]], [[4096, 4096]], [[4096, 4097]], [[9000]]])(
    'digests of what is no secret are the same, of parts of %j bytes',
    (lengths) => {
      const parts = lengths.map((length) => new Uint8Array(length).fill(length))
      expect(sha384Public(...parts)).toEqual(sha384(...parts))
      // The parts of the last digest must not shine through the next one.
      expect(sha384Public(text('a'), text('b'))).toEqual(sha384(text('ab')))
      expect(sha384Text(...parts)).toBe(Buffer.from(sha384(...parts)).toString('base64url'))
    },
  )

  test('a transcript can be read and goes on; a clone goes its own way', () => {
    const transcript = new TranscriptHash().update(text('a'))
    expect(transcript.digest()).toEqual(sha384(text('a')))
    const clone = transcript.clone().update(text('x'))
    transcript.update(text('b'), text('c'))
    expect(transcript.digest()).toEqual(sha384(text('abc')))
    expect(transcript.digest()).toEqual(sha384(text('abc')))
    expect(clone.digest()).toEqual(sha384(text('ax')))
  })

  test('equality of other lengths is false, not an error', () => {
    expect(constantTimeEqual(text('ab'), text('ab'))).toBe(true)
    expect(constantTimeEqual(text('ab'), text('ac'))).toBe(false)
    expect(constantTimeEqual(text('ab'), text('abc'))).toBe(false)
  })
})

describe('key schedule', () => {
  test('a label is the struct of TLS 1.3 with our prefix', () => {
    const secret = randomBytes(48)
    const info = Uint8Array.of(0, 12, 6, ...text('cs1 iv'), 3, ...text('ctx'))
    expect(expandLabel(secret, 'iv', text('ctx'), 12)).toEqual(expand(secret, info, 12))
    expect(expandLabel(secret, 'key', new Uint8Array(0), 32)).not.toEqual(
      expandLabel(secret, 'kez', new Uint8Array(0), 32),
    )
    expect(expandLabel(secret, 'x', new Uint8Array(0), 300)).toHaveLength(300)
  })

  test('an empty salt is 48 zero bytes', () => {
    expect(extract(new Uint8Array(0), ZERO)).toEqual(extract(ZERO, ZERO))
    expect(ZERO).toEqual(new Uint8Array(48))
  })

  test('what does not fit its length byte is refused', () => {
    const length = expect.objectContaining({ code: 'length' })
    expect(() => expandLabel(ZERO, '', ZERO, 48)).toThrow(length)
    expect(() => expandLabel(ZERO, 'x'.repeat(252), ZERO, 48)).toThrow(length)
    expect(() => expandLabel(ZERO, 'x', new Uint8Array(256), 48)).toThrow(length)
    for (const bad of [0, -1, 1.5, 12241]) expect(() => expandLabel(ZERO, 'x', ZERO, bad)).toThrow(length)
  })
})

describe('AES-256-GCM', () => {
  const key = new Uint8Array(32).fill(1)
  const nonce = new Uint8Array(12).fill(2)
  const failed = expect.objectContaining({ code: 'decrypt-failed' })

  test('what is sealed opens, also nothing', () => {
    for (const message of [new Uint8Array(0), text('hello'), new Uint8Array(70_000).fill(7)]) {
      const sealed = seal(key, nonce, text('aad'), message)
      expect(sealed).toHaveLength(message.length + 16)
      expect(open(key, nonce, text('aad'), sealed)).toEqual(message)
    }
  })

  test('every change is noticed', () => {
    const sealed = seal(key, nonce, text('aad'), text('hello'))
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.slice()
      changed[index] = (changed[index] ?? 0) ^ 1
      expect(() => open(key, nonce, text('aad'), changed)).toThrow(failed)
      expect(() => open(key, nonce, text('aad'), sealed.subarray(0, index))).toThrow(failed)
    }
    expect(() => open(key, nonce, text('aae'), sealed)).toThrow(failed)
    expect(() => open(key, new Uint8Array(12), text('aad'), sealed)).toThrow(failed)
    expect(() => open(key, new Uint8Array(16), text('aad'), sealed)).toThrow(
      expect.objectContaining({ code: 'length' }),
    )
    expect(() => seal(key.subarray(1), nonce, text('aad'), sealed)).toThrow(expect.objectContaining({ code: 'length' }))
  })
})

describe('passphrases', () => {
  test('are stretched with scrypt and a salt of at least 16 bytes', async () => {
    const params = { N: 2 ** 14, r: 8, p: 1 }
    const salt = text('SodiumChlorideSodiumChloride')
    const expected = scryptSync('pleaseletmein', salt, 32, params)
    expect(await deriveKey(text('pleaseletmein'), salt, params)).toEqual(new Uint8Array(expected))
    await expect(deriveKey(text('pleaseletmein'), salt.subarray(13), params)).rejects.toThrow(
      expect.objectContaining({ code: 'length' }),
    )
  })

  test.each([
    { N: 2 ** 17, r: 1024, p: 1 },
    { N: 3 * 2 ** 14, r: 8, p: 1 },
    { N: 2 ** 13, r: 8, p: 1 },
    { N: 2 ** 17, r: 8, p: 0 },
    { N: 2 ** 17, r: 0.5, p: 1 },
    { N: 2 ** 17, r: 8, p: 1000 },
  ])('refuses %j from a file', async (params) => {
    await expect(deriveKey(text('x'), new Uint8Array(16), params)).rejects.toThrow(
      expect.objectContaining({ code: 'limit' }),
    )
  })
})

test('wipe reaches what it is given', () => {
  const secret = randomBytes(64)
  wipe(secret, null, undefined)
  expect(secret).toEqual(new Uint8Array(64))
})
