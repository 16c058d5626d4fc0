import { CountersignError } from '../support/errors.ts'

/** Major types (RFC 8949, section 3.1), and the three simple values that a document of ours has. */
export const UINT = 0
export const NEGATIVE = 1
export const BYTES = 2
export const TEXT = 3
export const ARRAY = 4
export const MAP = 5
export const FALSE = 0xf4
export const TRUE = 0xf5
export const NULL = 0xf6

/** Bytes that a head with this argument takes: the shortest form is the only one. */
export function headSize(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x1_00) return 2
  if (argument < 0x1_0000) return 3
  return argument < 0x1_0000_0000 ? 5 : 9
}

/** Bytewise order of the encoded keys (RFC 8949, section 4.2.1): all are texts, so the shorter one has the smaller head. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return a.length === b.length ? Buffer.compare(a, b) : a.length - b.length
}

export function malformed(how: string, what = 'A CBOR document'): CountersignError {
  return new CountersignError('decode', `${what} ${how}.`)
}
