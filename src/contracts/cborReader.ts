import { isUtf8 } from 'node:buffer'
import type { CborMap, CborValue } from './cbor.ts'
import {
  ARRAY,
  BYTES,
  compareKeys,
  FALSE,
  headSize,
  malformed,
  MAP,
  NEGATIVE,
  NULL,
  TEXT,
  TRUE,
  UINT,
} from './cborHead.ts'

const MAX_ITEMS = 65_536

/** Reads one value, and refuses every encoding of it but the shortest. */
export class CborReader {
  private readonly buffer: Buffer
  private readonly depth: number
  private at = 0
  private items = 0

  constructor(bytes: Uint8Array, depth: number) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.depth = depth
  }

  get left(): number {
    return this.buffer.length - this.at
  }

  /** @param depth arrays and maps that it is in */
  value(depth: number): CborValue {
    this.items += 1
    if (this.items > MAX_ITEMS) throw malformed('has too many items')
    const first = this.byte()
    if (first === NULL) return null
    if (first === TRUE || first === FALSE) return first === TRUE
    const argument = this.argument(first & 31)
    switch (first >> 5) {
      case UINT:
        return argument
      case NEGATIVE:
        if (argument === Number.MAX_SAFE_INTEGER) throw malformed('has an integer past 2^53')
        return -1 - argument
      case BYTES:
        return new Uint8Array(this.take(argument))
      case TEXT:
        return this.text(argument)
      case ARRAY:
        this.enter(depth, argument)
        return Array.from({ length: argument }, () => this.value(depth + 1))
      case MAP:
        this.enter(depth, 2 * argument)
        return this.map(depth + 1, argument)
      default:
        throw malformed('holds what no document of ours holds')
    }
  }

  private map(depth: number, length: number): CborMap {
    const members: [string, CborValue][] = []
    let before: Buffer | undefined
    for (let index = 0; index < length; index++) {
      const first = this.byte()
      if (first >> 5 !== TEXT) throw malformed('has a key that is no text')
      const name = this.text(this.argument(first & 31))
      const key = Buffer.from(name)
      // One order, so that one value has one encoding; and in it a name that is there twice stands beside itself.
      if (before !== undefined && compareKeys(before, key) >= 0) throw malformed('has keys out of order')
      before = key
      members.push([name, this.value(depth)])
    }
    // Not by assignment: `__proto__` is a name like any other.
    return Object.fromEntries(members)
  }

  private text(length: number): string {
    const bytes = this.take(length)
    if (!isUtf8(bytes)) throw malformed('has a text that is not UTF-8')
    return bytes.toString('utf8')
  }

  /** The argument of a head, which must not be longer than it needs to be. */
  private argument(info: number): number {
    if (info < 24) return info
    if (info > 27) throw malformed('has an indefinite length')
    const size = 1 << (info - 24)
    const bytes = this.take(size)
    const argument = size === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, size)
    if (!Number.isSafeInteger(argument)) throw malformed('has an integer past 2^53')
    if (headSize(argument) !== size + 1) throw malformed('has a length that is longer than needed')
    return argument
  }

  /** Nothing is made of a length before so many bytes are there, and the recursion ends where the limit does. */
  private enter(depth: number, children: number): void {
    if (depth >= this.depth) throw malformed('is nested too deeply')
    if (children > this.left) throw malformed('is cut off')
  }

  private byte(): number {
    const byte = this.buffer[this.at]
    if (byte === undefined) throw malformed('is cut off')
    this.at += 1
    return byte
  }

  private take(length: number): Buffer {
    if (length > this.left) throw malformed('is cut off')
    const start = this.at
    this.at += length
    return this.buffer.subarray(start, this.at)
  }
}
