import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  decodeBase64url,
  decodeUtf8,
  encodeBase64url,
  encodeUtf8,
  readU32,
  readU64,
  u32,
  u64,
} from '../../../src/crypto/encoding.ts'

const decode = expect.objectContaining({ code: 'decode' })

describe('base64url', () => {
  test('what is decoded encodes to itself', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes)
      }),
    )
  })

  test('of all texts with the same bytes one is accepted', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ABCxyz019-_+/= \n')), maxLength: 12 }), (text) => {
        const canonical = Buffer.from(text, 'base64url').toString('base64url')
        if (text === canonical) expect(encodeBase64url(decodeBase64url(text))).toBe(text)
        else expect(() => decodeBase64url(text)).toThrow(decode)
      }),
    )
  })

  test.each(['AA==', 'AB', 'A', 'A+8', 'A/8', 'AA\n', ' AA', 'AA.', 'é'])('refuses %j', (text) => {
    expect(() => decodeBase64url(text)).toThrow(decode)
  })
})

describe('UTF-8', () => {
  test('text survives, half surrogates do not pass', () => {
    expect(decodeUtf8(encodeUtf8('é😀\ufeff'))).toBe('é😀\ufeff')
    expect(() => encodeUtf8('a\ud800')).toThrow(decode)
  })

  test('a byte order mark is not lost', () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  })

  test.each([[[0xff]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]], [[0xe2, 0x82]]])(
    'refuses %j',
    (bytes) => {
      expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(decode)
    },
  )
})

describe('integers', () => {
  test('are big-endian and bounded', () => {
    expect(u32(0x01020304)).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(u32(0xffffffff)).toEqual(Uint8Array.of(255, 255, 255, 255))
    expect(u64(2 ** 53 - 1)).toEqual(Uint8Array.of(0, 31, 255, 255, 255, 255, 255, 255))
    for (const bad of [-1, 1.5, 2 ** 32, Number.NaN]) expect(() => u32(bad)).toThrow()
    for (const bad of [-1, 1.5, 2 ** 53]) expect(() => u64(bad)).toThrow()
  })

  test('are read where they are, and not past the end', () => {
    const bytes = concat(Uint8Array.of(9), u32(7), u64(2 ** 40))
    expect(readU32(bytes, 1)).toBe(7)
    expect(readU64(bytes, 5)).toBe(2 ** 40)
    expect(readU64(bytes.subarray(5))).toBe(2 ** 40)
    expect(() => readU64(bytes, 6)).toThrow(decode)
    expect(() => readU32(bytes, 10)).toThrow(decode)
    expect(() => readU64(new Uint8Array(8).fill(255))).toThrow(decode)
  })
})
