import { type CborMap, type CborValue, isList } from './cbor.ts'
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

const SURROGATE = /\p{Surrogate}/u

/** Bytes of a value's one encoding. */
export function sizeOf(value: CborValue): number {
  if (typeof value === 'number') return headSize(value < 0 ? -1 - value : value)
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'string') return textSize(value)
  if (value instanceof Uint8Array) return headSize(value.length) + value.length
  if (isList(value)) return value.reduce((sum: number, item) => sum + sizeOf(item), headSize(value.length))
  const members = Object.entries(value)
  return members.reduce((sum, [name, item]) => sum + textSize(name) + sizeOf(item), headSize(members.length))
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text)
  return headSize(length) + length
}

/** Writes one value into exactly the bytes that it takes. */
export class CborWriter {
  readonly bytes: Uint8Array
  private readonly buffer: Buffer
  private at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.buffer = Buffer.from(this.bytes.buffer)
  }

  value(value: CborValue): void {
    if (typeof value === 'number') this.integer(value)
    else if (value === null) this.simple(NULL)
    else if (typeof value === 'boolean') this.simple(value ? TRUE : FALSE)
    else if (typeof value === 'string') this.text(value)
    else if (value instanceof Uint8Array) {
      this.head(BYTES, value.length)
      this.bytes.set(value, this.at)
      this.at += value.length
    } else if (isList(value)) {
      this.head(ARRAY, value.length)
      for (const item of value) this.value(item)
    } else {
      this.map(value)
    }
  }

  private map(map: CborMap): void {
    const members = Object.entries(map).toSorted(([a], [b]) => compareKeys(Buffer.from(a), Buffer.from(b)))
    this.head(MAP, members.length)
    for (const [name, item] of members) {
      this.text(name)
      this.value(item)
    }
  }

  private integer(value: number): void {
    // Minus zero would be written as zero and read as another value than it was.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw malformed('holds what no document of ours holds')
    if (value < 0) this.head(NEGATIVE, -1 - value)
    else this.head(UINT, value)
  }

  private text(text: string): void {
    if (SURROGATE.test(text)) throw malformed('holds half of a surrogate pair')
    this.head(TEXT, Buffer.byteLength(text))
    this.at += this.buffer.write(text, this.at)
  }

  private simple(byte: number): void {
    this.bytes[this.at++] = byte
  }

  private head(major: number, argument: number): void {
    const { buffer, at } = this
    const size = headSize(argument)
    this.at += size
    const first = major << 5
    if (size === 1) buffer[at] = first | argument
    else if (size === 2) buffer.writeUIntBE(((first | 24) << 8) | argument, at, 2)
    else if (size === 3) buffer.writeUIntBE(((first | 25) << 16) | argument, at, 3)
    else {
      buffer[at] = first | (size === 5 ? 26 : 27)
      if (size === 5) buffer.writeUInt32BE(argument, at + 1)
      else buffer.writeBigUInt64BE(BigInt(argument), at + 1)
    }
  }
}
