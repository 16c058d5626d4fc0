import { malformed } from './cborHead.ts'
import { CborReader } from './cborReader.ts'
import { CborWriter, sizeOf } from './cborWriter.ts'

/**
 * Deterministic CBOR (RFC 8949, section 4.2.1) of the few types that our documents need: integers within 2^53, byte and
 * text strings, arrays, maps with text keys, true, false, null. One value has one encoding and one encoding is accepted.
 */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [name: string]: CborValue }

export type CborMap = { readonly [name: string]: CborValue }

export interface CborLimits {
  /** Of the whole document. */
  readonly bytes: number
  /** Arrays and maps inside each other; the outermost is 1. */
  readonly depth?: number
}

const DEFAULT_DEPTH = 16

/** The one encoding of a value. @throws CountersignError `decode` for what is not a CborValue, a program error */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new CborWriter(sizeOf(value))
  writer.value(value)
  return writer.bytes
}

/**
 * Decodes exactly one document. Byte strings are copies, so that they outlive a buffer that is wiped or reused.
 * @throws CountersignError `decode`: too long, too deep, tags, floats, undefined, indefinite lengths, integers past 2^53,
 * repeated or unsorted keys, lengths longer than needed, bytes left over, text that is not UTF-8
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): CborValue {
  if (bytes.length > limits.bytes) throw malformed('is too long')
  const reader = new CborReader(bytes, limits.depth ?? DEFAULT_DEPTH)
  const value = reader.value(0)
  if (reader.left > 0) throw malformed('has something behind its end')
  return value
}

/**
 * A map with exactly these members, and of `optional` any.
 * @throws CountersignError `decode`
 */
export function asMap(
  value: CborValue | undefined,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): CborMap {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || isList(value)) {
    throw malformed('is not a map', what)
  }
  const names = Object.keys(value)
  if (required.some((name) => !Object.hasOwn(value, name))) throw malformed('lacks a member', what)
  if (names.some((name) => !required.includes(name) && !optional.includes(name)))
    throw malformed('has an unknown member', what)
  return value
}

/** An array of exactly `length` items, or of at most `length.max`. @throws CountersignError `decode` */
export function asList(
  value: CborValue | undefined,
  what: string,
  length: number | { readonly max: number },
): readonly CborValue[] {
  if (value === null || value === undefined || !isList(value)) throw malformed('is not an array', what)
  if (typeof length === 'number' ? value.length !== length : value.length > length.max) {
    throw malformed('has a wrong number of items', what)
  }
  return value
}

/** A byte string of exactly `length` bytes, or of at most `length.max`. @throws CountersignError `decode` */
export function asBytes(
  value: CborValue | undefined,
  what: string,
  length: number | { readonly max: number },
): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed('is not a byte string', what)
  if (typeof length === 'number' ? value.length !== length : value.length > length.max) {
    throw malformed('has a wrong length', what)
  }
  return value
}

/** A text of at most `max` UTF-16 units. @throws CountersignError `decode` */
export function asText(value: CborValue | undefined, what: string, max: number): string {
  if (typeof value !== 'string') throw malformed('is not a text', what)
  if (value.length > max) throw malformed('is too long', what)
  return value
}

/** An integer from `min` (0) to `max` (2^53-1). @throws CountersignError `decode` */
export function asUint(
  value: CborValue | undefined,
  what: string,
  max: number = Number.MAX_SAFE_INTEGER,
  min = 0,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed('is not an integer', what)
  if (value < min || value > max) throw malformed('is out of range', what)
  return value
}

/** @throws CountersignError `decode` */
export function asBool(value: CborValue | undefined, what: string): boolean {
  if (typeof value !== 'boolean') throw malformed('is not true or false', what)
  return value
}

export function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}
