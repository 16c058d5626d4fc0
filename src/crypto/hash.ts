import { createHash, hash as digestOnce, type Hash, timingSafeEqual } from 'node:crypto'
import { joined, plain } from './encoding.ts'
import { secretBytes, secretConcat, wipe } from './random.ts'

/** Length of a SHA-384 digest, and of everything that the key schedule calls a secret. */
export const HASH_LENGTH = 48

/** SHA-384 (FIPS 180-4) of the parts, one after the other, without separators. 48 bytes. */
export function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  // Half the price of a Hash object, and every context is hashed some ten times.
  if (only !== undefined && parts.length === 1) return plain(digestOnce('sha384', only, 'buffer'))
  const hash = createHash('sha384')
  for (const part of parts) hash.update(part)
  return plain(hash.digest())
}

/**
 * As `sha384`, for what is no secret: the digest comes as a string, which nobody can wipe, into V8's own heap. With a buffer of
 * its own it takes three times as long, and leaves garbage that is slow to collect.
 */
export function sha384Public(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.from(digestOnce('sha384', gathered(parts), 'binary'), 'binary'))
}

/** SHA-384 of bytes that are no secret, as statements and journals write it: base64url, 64 characters. */
export function sha384Text(...parts: readonly Uint8Array[]): string {
  return digestOnce('sha384', gathered(parts), 'base64url')
}

/** The parts of one digest, until the next one: a new buffer costs more than the digest of a statement. */
const desk = Buffer.allocUnsafeSlow(8192)

function gathered(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  let length = 0
  for (const part of parts) length += part.length
  if (length > desk.length) return joined(parts)
  let offset = 0
  for (const part of parts) {
    desk.set(part, offset)
    offset += part.length
  }
  return desk.subarray(0, length)
}

/** SHA-256 of the parts. 32 bytes. For RFC 7638 thumbprints only: everything of ours uses SHA-384. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return plain(hash.digest())
}

const BLOCK = 128

/**
 * HMAC-SHA-384 (RFC 2104) over the parts. 48 bytes. As two digests: a handshake makes some 35, Node 24 takes four times as
 * long for an Hmac object, and what holds the key here is wiped at once and not with the next garbage collection.
 */
export function hmacSha384(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const short = key.length > BLOCK ? sha384(key) : key
  const pad = (byte: number) => {
    const block = secretBytes(BLOCK)
    block.set(short)
    for (let at = 0; at < BLOCK; at++) block[at] = (block[at] ?? 0) ^ byte
    return block
  }
  const [inner, outer] = [pad(0x36), pad(0x5c)]
  const message = joined([inner, ...parts], secretBytes)
  const digest = plain(digestOnce('sha384', message, 'buffer'))
  const sealed = secretConcat(outer, digest)
  try {
    return plain(digestOnce('sha384', sealed, 'buffer'))
  } finally {
    wipe(inner, outer, message, digest, sealed)
    if (short !== key) wipe(short)
  }
}

/** A running SHA-384 that can be read at any point without ending. */
export class TranscriptHash {
  private readonly hash: Hash

  constructor(hash: Hash = createHash('sha384')) {
    this.hash = hash
  }

  update(...parts: readonly Uint8Array[]): this {
    for (const part of parts) this.hash.update(part)
    return this
  }

  /** Digest of everything so far, 48 bytes; the transcript goes on. */
  digest(): Uint8Array {
    return plain(this.hash.copy().digest())
  }

  /** An independent transcript with the same past. */
  clone(): TranscriptHash {
    return new TranscriptHash(this.hash.copy())
  }
}

/** Equality in time that depends on the lengths only. False when they differ (timingSafeEqual would throw). */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
