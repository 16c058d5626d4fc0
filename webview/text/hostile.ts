/**
 * Text that others wrote: tool names, server names, contexts. What would change how its neighbours are read (direction,
 * nothing at all, control) becomes a visible escape and is marked; everything else stays as it is.
 */
export interface Piece {
  readonly text: string
  /** What the escape stands for, where the piece is one. */
  readonly odd?: string
}

const NAMES: Readonly<Record<number, string>> = {
  0x00ad: 'soft hyphen',
  0x061c: 'Arabic letter mark',
  0x200b: 'zero width space',
  0x200c: 'zero width non-joiner',
  0x200d: 'zero width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'pop directional formatting',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'pop directional isolate',
  0xfeff: 'byte order mark',
  0xfffd: 'not decodable',
}

/**
 * Control (Cc), format (Cf: bidi, zero width, tags), lone surrogates (Cs), private use (Co), unassigned (Cn), line and
 * paragraph separators, every space but U+0020, invisible letters and fillers, variation selectors, U+FFFD; and the
 * fourth and later combining mark of a pile. Line feed and tab are the caller's business.
 */
const ODD =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u2800\u3164\uffa0\ufffd\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5|\u180b|\u180c|\u180d|[\ufe00-\ufe0e]|(?<=\p{M}{3})\p{M}/gu

function nameOf(code: number): string {
  const name = NAMES[code]
  if (name !== undefined) return name
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 'control character'
  if (code >= 0xd800 && code < 0xe000) return 'half a character'
  if (code >= 0xe0000) return 'tag or private character'
  return 'invisible or unusual character'
}

/** `\n`, `\u{202E}`: what a reader can see. */
export function escapeOf(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  const code = character.codePointAt(0) ?? 0
  return `\\u{${code.toString(16).toUpperCase().padStart(4, '0')}}`
}

/** The text in pieces, odd ones escaped. `keep` names the characters that may stay, "\n" or "\t" for instance. */
export function pieces(text: string, keep = ''): Piece[] {
  const result: Piece[] = []
  let at = 0
  for (const match of text.matchAll(ODD)) {
    const character = match[0]
    if (keep.includes(character)) continue
    if (match.index > at) result.push({ text: text.slice(at, match.index) })
    const code = character.codePointAt(0) ?? 0
    const point = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    result.push({ text: escapeOf(character), odd: `${point} ${nameOf(code)}` })
    at = match.index + character.length
  }
  if (at < text.length) result.push({ text: text.slice(at) })
  return result
}

/** The same as one string: for titles and labels of screen readers. */
export function plain(text: string, most = 200): string {
  // Cut first: a name of a megabyte must not cost a megabyte of work.
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return pieces(cut)
    .map((piece) => piece.text)
    .join('')
}

/** How many characters would be escaped. */
export function oddities(text: string): number {
  let n = 0
  for (const match of text.matchAll(ODD)) if (match[0] !== '\n' && match[0] !== '\t' && match[0] !== '\r') n++
  return n
}
