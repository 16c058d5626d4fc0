/** JSON on one line in ASCII: other programs read the same, and whoever reads it sees each character that is in it. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
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
