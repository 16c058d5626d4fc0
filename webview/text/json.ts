import { sentences } from '../strings.ts'

/**
 * Contexts drawn as indented JSON without parsing them into objects: the tokens of the text in their order, so that
 * duplicate members, long numbers and bad nesting are seen as they are. What is not JSON is drawn as lines.
 */
export type TokenKind = 'key' | 'string' | 'number' | 'word' | 'punctuation' | 'text' | 'note'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
}
export type Line = readonly Token[]

export const MOST_LINES = 2000
export const MOST_COLUMNS = 800
const MOST_INDENT = 24

const TOKEN = /"(?:[^"\\]|\\[^])*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y
const SPACE = /[ \t\r\n]*/y

/** The tokens of a JSON text, or undefined where it is none. Nesting costs no stack. */
export function tokenize(text: string): string[] | undefined {
  const tokens: string[] = []
  const open: string[] = []
  let at = 0
  for (;;) {
    SPACE.lastIndex = at
    SPACE.exec(text)
    at = SPACE.lastIndex
    if (at >= text.length) break
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) return undefined
    const token = match[0]
    if (token === '{' || token === '[') open.push(token)
    else if ((token === '}' && open.pop() !== '{') || (token === ']' && open.pop() !== '[')) return undefined
    tokens.push(token)
    at = TOKEN.lastIndex
  }
  return open.length === 0 && tokens.length > 0 ? tokens : undefined
}

/** Lines for a screen: bounded in number, width and depth; what is left out is said in a note. */
export function layout(text: string): Line[] {
  const body = text.trim()
  const tokens = body.startsWith('{') || body.startsWith('[') ? tokenize(body) : undefined
  return tokens === undefined ? plainLines(text) : new Layout().run(tokens)
}

const note = (text: string): Token => ({ kind: 'note', text })

function clipped(kind: TokenKind, text: string): Token[] {
  if (text.length <= MOST_COLUMNS) return [{ kind, text }]
  return [{ kind, text: text.slice(0, MOST_COLUMNS) }, note(` ${sentences.moreCharacters(text.length - MOST_COLUMNS)}`)]
}

/** Server-sent events keep their field names; a `data:` line that is JSON is drawn as JSON. */
function plainLines(text: string): Line[] {
  const lines: Line[] = []
  const all = text.split('\n')
  for (const [index, raw] of all.entries()) {
    if (lines.length >= MOST_LINES) {
      lines.push([note(sentences.moreLines(all.length - index))])
      break
    }
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    const data = /^data: ?(?=[{[])/.exec(line)
    const tokens = data === null ? undefined : tokenize(line.slice(data[0].length))
    if (tokens === undefined) lines.push(clipped('text', line))
    else lines.push([{ kind: 'text', text: 'data:' }], ...new Layout().run(tokens))
  }
  return lines
}

class Layout {
  private readonly lines: Token[][] = [[]]
  private depth = 0
  private width = 0

  run(tokens: readonly string[]): Line[] {
    for (const [index, token] of tokens.entries()) {
      if (this.lines.length >= MOST_LINES) {
        this.lines.push([note(sentences.moreTokens(tokens.length - index))])
        break
      }
      this.place(token, tokens[index - 1], tokens[index + 1])
    }
    return this.lines
  }

  private place(token: string, before: string | undefined, after: string | undefined): void {
    const empty = (token === '{' && after === '}') || (token === '[' && after === ']')
    if (token === '}' || token === ']') {
      this.depth--
      if (before !== '{' && before !== '[') this.newLine()
      this.add('punctuation', token)
    } else if (token === '{' || token === '[') {
      this.add('punctuation', token)
      this.depth++
      if (!empty) this.newLine()
    } else if (token === ',') {
      this.add('punctuation', ',')
      this.newLine()
    } else if (token === ':') this.add('punctuation', ': ')
    else this.add(kindOf(token, after), token)
  }

  private newLine(): void {
    const indent = Math.min(this.depth, MOST_INDENT)
    const line: Token[] = [{ kind: 'punctuation', text: '  '.repeat(indent) }]
    if (this.depth > MOST_INDENT) line.push(note(`${this.depth}▸ `))
    this.lines.push(line)
    this.width = indent * 2
  }

  private add(kind: TokenKind, text: string): void {
    if (this.width > MOST_COLUMNS) this.newLine()
    this.width += Math.min(text.length, MOST_COLUMNS)
    this.lines.at(-1)?.push(...clipped(kind, text))
  }
}

function kindOf(token: string, after: string | undefined): TokenKind {
  if (token.startsWith('"')) return after === ':' ? 'key' : 'string'
  return /^[-\d]/.test(token) ? 'number' : 'word'
}
