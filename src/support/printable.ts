/** JSON on one line in ASCII: other programs read the same, and whoever reads it sees each character that is in it. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (each) => unit(each.charCodeAt(0)))
}

/** Control and direction characters, and what the editor's own messages and lists make links and icons of. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}[\]`]|\$(?=\()/gu
const LONGEST = 300

/**
 * A text of somebody else for messages and lists of the editor: there `[x](command:y)` is a link that runs a command, and
 * `$(name)` an icon, ours included.
 */
export function inert(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return short.replace(ACTIVE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** For notifications and prompts of the editor, where `[x](command:y)` is a link that runs a command: a blank takes it apart. */
export function linkless(text: string): string {
  return text.replaceAll('](', '] (')
}

/** For lists and the status bar of the editor, where `$(name)` is an icon: a key's label must not draw its own custody. */
export function iconless(text: string): string {
  return text.replaceAll('$(', '$ (')
}

/**
 * Control (Cc), format (Cf: direction, zero width, tags), lone surrogates, private use, unassigned, separators, every space but
 * U+0020, invisible letters and fillers, variation selectors, U+FFFD; and the fourth and later combining mark of a pile.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u2800\u3164\uffa0\ufffd\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5|\u180b|\u180c|\u180d|[\ufe00-\ufe0e]|(?<=\p{M}{3})\p{M}/gu

/**
 * A text of somebody else for a document: what would hide, or change how its neighbours are read, becomes `\uXXXX`, as JSON
 * itself writes it. Only what `keep` names stays, "\n" for instance.
 */
export function visible(text: string, keep = ''): string {
  return text.replace(HIDDEN, (character) =>
    keep.includes(character)
      ? character
      : Array.from({ length: character.length }, (_, at) => unit(character.charCodeAt(at))).join(''),
  )
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}
