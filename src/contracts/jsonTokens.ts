import { CountersignError } from '../support/errors.ts'

/** The tokens of JSON (RFC 8259, sections 3, 6 and 7) in bytes: each function returns the position behind its token. */

const QUOTE = 0x22
const PLUS = 0x2b
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const BACKSLASH = 0x5c
const LOWER_E = 0x65
const LOWER_U = 0x75
/** " \\ / b f n r t: what may follow a backslash, without the u. */
const ESCAPES = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74])
const LITERALS = new Map([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
])

export function malformed(what = 'A document is not valid JSON.'): CountersignError {
  return new CountersignError('decode', what)
}

export function tooDeep(): CountersignError {
  return malformed('A JSON document is nested too deeply.')
}

export function literalEnd(bytes: Uint8Array, start: number): number {
  const text = LITERALS.get(bytes[start] ?? 0)
  if (text === undefined) throw malformed()
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) throw malformed()
  }
  return start + text.length
}

export function startsNumber(byte: number | undefined): boolean {
  return byte === MINUS || isDigit(byte)
}

export function numberEnd(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start
  // No leading zeros: "01" is a number to some parsers and an error to others.
  at = bytes[at] === ZERO ? at + 1 : digitsEnd(bytes, at)
  if (bytes[at] === DOT) at = digitsEnd(bytes, at + 1)
  if (((bytes[at] ?? 0) | 0x20) !== LOWER_E) return at
  const sign = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS
  return digitsEnd(bytes, sign ? at + 2 : at + 1)
}

/** From the opening quotation mark to behind the closing one. */
export function stringEnd(bytes: Uint8Array, start: number, wellFormed: boolean): number {
  let at = start + 1
  for (;;) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) return at + 1
    // Control characters have to be escaped; the end of the bytes arrives here as 0.
    if (byte < 0x20) throw malformed()
    at = byte === BACKSLASH ? escapeEnd(bytes, at, wellFormed) : at + 1
  }
}

/** Behind the escape at `at`; behind both halves of a surrogate pair where strings have to be well formed. */
function escapeEnd(bytes: Uint8Array, at: number, wellFormed: boolean): number {
  const kind = bytes[at + 1] ?? 0
  if (kind !== LOWER_U) {
    if (!ESCAPES.has(kind)) throw malformed()
    return at + 2
  }
  const unit = hex4(bytes, at + 2)
  if (!wellFormed || unit < 0xd800 || unit > 0xdfff) return at + 6
  const paired = unit < 0xdc00 && bytes[at + 6] === BACKSLASH && bytes[at + 7] === LOWER_U
  const low = paired ? hex4(bytes, at + 8) : 0
  if (low < 0xdc00 || low > 0xdfff) throw malformed('A JSON string holds half of a surrogate pair.')
  return at + 12
}

function hex4(bytes: Uint8Array, start: number): number {
  let value = 0
  for (let index = start; index < start + 4; index++) {
    const byte = bytes[index] ?? 0
    const letter = byte | 0x20
    if (isDigit(byte)) value = value * 16 + (byte - ZERO)
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + (letter - 0x57)
    else throw malformed()
  }
  return value
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

/** Behind one or more digits. */
function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at])) at++
  if (at === start) throw malformed()
  return at
}
