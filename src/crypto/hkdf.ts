import { CountersignError } from '../support/errors.ts'
import { concat, encodeUtf8 } from './encoding.ts'
import { HASH_LENGTH, hmacSha384 } from './hash.ts'
import { secretBytes, wipe } from './random.ts'

/** What the key schedule writes as "0": 48 zero bytes, as TLS 1.3 does (RFC 9846, section 7.1), never an empty string. */
export const ZERO: Uint8Array = new Uint8Array(HASH_LENGTH)

const PREFIX = 'cs1 '
const MAX_BYTE = 255

/** HKDF-Extract with SHA-384 (RFC 5869, section 2.2). An empty salt means 48 zero bytes. Returns 48 bytes. */
export function extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return hmacSha384(salt, ikm)
}

/**
 * HKDF-Expand with SHA-384 (RFC 5869, section 2.3).
 * @throws CountersignError `length` outside 1 to 255 × 48 bytes
 */
export function expand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > MAX_BYTE * HASH_LENGTH) {
    throw new CountersignError('length', 'HKDF can expand to 1 to 12240 bytes.')
  }
  const output = secretBytes(length)
  let block: Uint8Array = new Uint8Array(0)
  for (let offset = 0; offset < length; offset += HASH_LENGTH) {
    const next = hmacSha384(prk, block, info, Uint8Array.of(offset / HASH_LENGTH + 1))
    wipe(block)
    block = next
    output.set(block.subarray(0, length - offset), offset)
  }
  wipe(block)
  return output
}

/**
 * HKDF-Expand-Label: TLS 1.3's HkdfLabel (RFC 9846, section 7.1) with the prefix "cs1 " in place of "tls13 ":
 * `length u16 ‖ u8 length ‖ "cs1 " label ‖ u8 length ‖ context`. The prefix keeps these keys apart from TLS's own.
 * @throws CountersignError `length` for an empty label, or a label or context of more than 255 bytes with its prefix
 */
export function expandLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const name = encodeUtf8(PREFIX + label)
  if (label === '' || name.length > MAX_BYTE || context.length > MAX_BYTE) {
    throw new CountersignError('length', 'A key schedule label or context has a wrong length.')
  }
  const sizes = Uint8Array.of(length >>> 8, length & MAX_BYTE, name.length)
  return expand(secret, concat(sizes, name, Uint8Array.of(context.length), context), length)
}
