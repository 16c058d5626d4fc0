import { isUtf8 } from 'node:buffer'
import { CountersignError } from '../support/errors.ts'

const utf8Encoder = new TextEncoder()
const BASE64URL = /^[A-Za-z0-9_-]*$/
const SURROGATE = /\p{Surrogate}/u

/** The bytes of a Buffer as a plain Uint8Array over the same memory. CBOR and test equality tell the two apart. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Base64url without padding (RFC 4648, section 5; RFC 7515, section 2). */
export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/**
 * The only accepted spelling of some bytes in base64url: no padding, no other alphabet, no white space, unused bits zero.
 * Without the last a signature or a digest has several spellings, and whoever compares text is fooled.
 * @throws CountersignError `decode`
 */
export function decodeBase64url(text: string): Uint8Array {
  // Buffer skips what it does not know, so the alphabet is checked first. Four characters are three bytes and have one spelling:
  // unused bits are in what is left over at the end, which is encoded again. One character alone is no byte.
  if (BASE64URL.test(text)) {
    const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
    const rest = text.length % 4
    if (rest === 0 || encodeBase64url(bytes.subarray(bytes.length - rest + 1)) === text.slice(-rest)) return bytes
  }
  throw new CountersignError('decode', 'A value is not canonical base64url.')
}

/**
 * UTF-8 bytes of a text.
 * @throws CountersignError `decode` for a lone surrogate, which TextEncoder would silently turn into U+FFFD
 */
export function encodeUtf8(text: string): Uint8Array {
  if (SURROGATE.test(text)) throw new CountersignError('decode', 'A text holds half of a surrogate pair.')
  return utf8Encoder.encode(text)
}

/**
 * The text of UTF-8 bytes. A byte order mark stays in the text (a parser then refuses it) instead of vanishing from it.
 * @throws CountersignError `decode`
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new CountersignError('decode', 'Bytes are not valid UTF-8.')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts)
}

/** As `concat`, for lists whose length somebody else decides: a call takes some 100 000 arguments and no more. */
export function joined(
  parts: readonly Uint8Array[],
  zeros = (length: number): Uint8Array => new Uint8Array(length),
): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = zeros(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** 4 bytes, big-endian. @throws CountersignError `limit` outside 0 to 2^32-1, where a shift would wrap around silently */
export function u32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new CountersignError('limit', 'A number does not fit 32 bits.')
  }
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** 8 bytes, big-endian. @throws CountersignError `limit` for what is not an exact integer from 0 to 2^53-1 */
export function u64(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new CountersignError('limit', 'A number does not fit 53 bits.')
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

/** Reads 4 bytes at `offset`. @throws CountersignError `decode` past the end */
export function readU32(bytes: Uint8Array, offset = 0): number {
  if (offset + 4 > bytes.length) throw new CountersignError('decode', 'A number is cut off.')
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset)
}

/** Reads 8 bytes at `offset`. @throws CountersignError `decode` past the end or past 2^53-1 */
export function readU64(bytes: Uint8Array, offset = 0): number {
  if (offset + 8 > bytes.length) throw new CountersignError('decode', 'A number is cut off.')
  const value = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset))
  if (!Number.isSafeInteger(value)) throw new CountersignError('decode', 'A number is larger than 53 bits.')
  return value
}
