import { decode, encode, rfc8949EncodeOptions, type Token, Tokenizer, Type } from 'cborg'
import { CountersignError } from '../support/errors.ts'

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
const MAX_ITEMS = 65_536

/** The one encoding of a value. @throws CountersignError `decode` for what is not a CborValue, a program error */
export function encodeCbor(value: CborValue): Uint8Array {
  return plain(encode(value, rfc8949EncodeOptions))
}

/**
 * Decodes exactly one document. Byte strings are copies, so that they outlive a buffer that is wiped or reused.
 * @throws CountersignError `decode`: too long, too deep, tags, floats, undefined, indefinite lengths, integers past 2^53,
 * repeated or unsorted keys, lengths longer than needed, bytes left over, text that is not UTF-8
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): CborValue {
  if (bytes.length > limits.bytes) throw malformed('is too long')
  const input = plain(bytes)
  let value: unknown
  try {
    const tokenizer = new StrictTokenizer(input, limits.depth ?? DEFAULT_DEPTH)
    value = decode(input, { ...DECODE, tokenizer })
  } catch (cause) {
    throw malformed('cannot be decoded', cause)
  }
  if (!isCborValue(value)) throw malformed('holds what no document of ours holds')
  // The decoder cannot check the order of keys and replaces bad UTF-8: encoding again sees both, and whatever else
  // gives one value two spellings. Without it two parties could hash different bytes for what they read as the same.
  const again = encodeCbor(value)
  if (again.length !== input.length || Buffer.compare(again, input) !== 0) throw malformed('is not in canonical form')
  return value
}

const DECODE = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const

/** Refuses tokens that no document of ours has, and nesting before the recursive decoder meets it. */
class StrictTokenizer extends Tokenizer {
  private readonly depth: number
  private readonly open: number[] = []
  private items = 0

  constructor(data: Uint8Array, depth: number) {
    super(data, DECODE)
    this.depth = depth
  }

  override next(): Token {
    if (this.done()) throw new Error('the document is cut off')
    const token = super.next()
    this.items += 1
    if (this.items > MAX_ITEMS) throw new Error('too many items')
    if (REFUSED.some((type) => Type.equals(token.type, type))) throw new Error(`a ${token.type.name} is not allowed`)
    while (this.open.at(-1) === 0) this.open.pop()
    const last = this.open.length - 1
    if (last >= 0) this.open[last] = (this.open[last] ?? 0) - 1
    if (Type.equals(token.type, Type.array)) this.enter(Number(token.value))
    if (Type.equals(token.type, Type.map)) this.enter(2 * Number(token.value))
    return token
  }

  private enter(children: number): void {
    this.open.push(children)
    if (this.open.length > this.depth) throw new Error('nested too deeply')
  }
}

const REFUSED = [Type.tag, Type.float, Type.undefined, Type.break]

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

function isCborValue(value: unknown): value is CborValue {
  if (value === null || value instanceof Uint8Array) return true
  if (typeof value === 'object') return Object.values(value).every(isCborValue)
  return typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function malformed(how: string, what?: unknown): CountersignError {
  const name = typeof what === 'string' ? what : 'A CBOR document'
  return new CountersignError('decode', `${name} ${how}.`, typeof what === 'string' ? {} : { cause: what })
}
