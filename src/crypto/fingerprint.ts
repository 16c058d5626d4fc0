import { decodeBase64url } from './encoding.ts'

const CONSONANTS = 'bdfghjklmnprstvz'
const VOWELS = 'aiou'
const WORDS = 6

/**
 * A key as six words that can be read out on the telephone: the first 96 bits of its `kid`, 16 in each word, written as
 * consonant, vowel, consonant, vowel, consonant (proquints). No list of words that both ends would need to share. An aid to
 * compare two screens; decisions compare the `kid`.
 * @throws CountersignError `decode` for a kid that is not base64url
 */
export function fingerprintWords({ kid }: { readonly kid: string }): string[] {
  const digest = decodeBase64url(kid)
  return Array.from({ length: WORDS }, (_, index) =>
    word(((digest[2 * index] ?? 0) << 8) | (digest[2 * index + 1] ?? 0)),
  )
}

function word(bits: number): string {
  const consonant = (shift: number) => CONSONANTS.charAt((bits >> shift) & 15)
  const vowel = (shift: number) => VOWELS.charAt((bits >> shift) & 3)
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0)
}
