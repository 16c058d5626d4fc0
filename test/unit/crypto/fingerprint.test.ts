import { expect, test } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { fingerprintWords } from '../../../src/crypto/fingerprint.ts'

test('words are proquints of the first 96 bits', () => {
  // The published examples of 127.0.0.1, 63.84.220.193 and 140.98.193.141.
  const digest = Uint8Array.of(127, 0, 0, 1, 63, 84, 220, 193, 140, 98, 193, 141, ...new Uint8Array(20))
  const words = fingerprintWords({ kid: encodeBase64url(digest) })
  expect(words).toEqual(['lusab', 'babad', 'gutih', 'tugad', 'mudof', 'sakat'])
})

test('every one of the 96 bits is seen', () => {
  const seen = new Set<string>()
  for (let bit = 0; bit < 96; bit++) {
    const digest = new Uint8Array(32)
    digest[bit >> 3] = 1 << (bit & 7)
    seen.add(fingerprintWords({ kid: encodeBase64url(digest) }).join(' '))
  }
  expect(seen.size).toBe(96)
})
