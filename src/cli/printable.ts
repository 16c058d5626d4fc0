export { printableJson } from '../support/printable.ts'

/**
 * Everything that a terminal acts on instead of showing it: control characters, direction marks, invisible and private
 * characters, line separators, half surrogate pairs. A hostile context could otherwise repaint its own verdict.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu

const PLAIN = /^[\x20-\x7e]*$/

/** A string of somebody else, safe for a terminal: escaped and at most `length` characters long. */
export function printable(text: string, length = 100): string {
  // What is plain ASCII is not looked at character by character, in tables of Unicode.
  const escaped = PLAIN.test(text)
    ? text
    : text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
  return escaped.length > length ? `${escaped.slice(0, length)}…` : escaped
}

/** A time in UTC; a document can name one that no calendar has. */
export function shownTime(at: number): string {
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? `${at} ms` : time.toISOString()
}
