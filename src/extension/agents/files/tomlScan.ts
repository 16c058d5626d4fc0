/** One `[table]` or `key = value` of a TOML text. */
export interface Statement {
  readonly kind: 'table' | 'array' | 'value'
  /** The whole path, that of the table before a value included. */
  readonly path: readonly string[]
  readonly start: number
  /** Behind the last character of the statement; a comment behind it does not belong to it. */
  readonly end: number
}

const BARE = /[A-Za-z0-9_-]+/y
const BASIC = /"(?:[^"\\\u0000-\u0008\u000a-\u001f\u007f]|\\.)*"/y
const LITERAL = /'[^'\u0000-\u0008\u000a-\u001f\u007f]*'/y
const LONG_BASIC = /"""(?:[^\\]|\\[\s\S])*?"{3,5}/y
const LONG_LITERAL = /'''[\s\S]*?'{3,5}/y
/** Numbers, dates and words. */
const PLAIN = /[A-Za-z0-9_.:+-]+(?: \d{2}:[0-9.:+Z-]+)?/y
const BLANK = /[ \t]*/y
const SPACE = /(?:[ \t\r\n]|#[^\n]*)*/y
const LINE_END = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y

/**
 * The statements of a TOML text (1.0), as far as it takes to know which tables and keys there are and where they end.
 * Undefined: something in it was not understood, and then nobody may say what is there.
 */
export function tomlStatements(text: string): readonly Statement[] | undefined {
  const scanner = new Scanner(text)
  const statements: Statement[] = []
  let table: readonly string[] = []
  for (;;) {
    scanner.skip(SPACE)
    if (scanner.over) return statements
    const start = scanner.at
    const kind = scanner.take('[[') ? 'array' : scanner.take('[') ? 'table' : 'value'
    const key = scanner.key()
    if (key === undefined) return undefined
    if (kind === 'value') {
      if (!scanner.take('=') || !scanner.value(0)) return undefined
    } else {
      if (!scanner.take(kind === 'array' ? ']]' : ']')) return undefined
      table = key
    }
    statements.push({ kind, path: kind === 'value' ? [...table, ...key] : key, start, end: scanner.at })
    if (scanner.match(LINE_END) === undefined) return undefined
  }
}

const DEEPEST = 64

class Scanner {
  at: number
  private readonly text: string

  constructor(text: string) {
    this.text = text
    this.at = text.startsWith('\ufeff') ? 1 : 0
  }

  get over(): boolean {
    return this.at >= this.text.length
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  skip(pattern: RegExp): void {
    this.match(pattern)
  }

  take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  /** A dotted key with the blanks around it. */
  key(): readonly string[] | undefined {
    const parts: string[] = []
    do {
      this.skip(BLANK)
      const part = this.keyPart()
      if (part === undefined) return undefined
      parts.push(part)
      this.skip(BLANK)
    } while (this.take('.'))
    return parts
  }

  /** A value, with the blanks before it. */
  value(depth: number): boolean {
    this.skip(BLANK)
    if (depth > DEEPEST) return false
    for (const pattern of [LONG_BASIC, LONG_LITERAL]) {
      if (this.text.startsWith(pattern === LONG_BASIC ? '"""' : "'''", this.at))
        return this.match(pattern) !== undefined
    }
    if (this.take('[')) return this.list(']', () => this.value(depth + 1))
    if (this.take('{')) return this.list('}', () => this.key() !== undefined && this.take('=') && this.value(depth + 1))
    return [BASIC, LITERAL, PLAIN].some((pattern) => this.match(pattern) !== undefined)
  }

  private list(close: string, item: () => boolean): boolean {
    for (;;) {
      this.skip(SPACE)
      if (this.take(close)) return true
      if (!item()) return false
      this.skip(SPACE)
      if (this.take(close)) return true
      if (!this.take(',')) return false
    }
  }

  private keyPart(): string | undefined {
    const bare = this.match(BARE)
    if (bare !== undefined) return bare
    const literal = this.match(LITERAL)
    if (literal !== undefined) return literal.slice(1, -1)
    const basic = this.match(BASIC)
    return basic === undefined ? undefined : unescaped(basic)
  }
}

/** A quoted key. Undefined for an escape that is not one of TOML's: JSON has all of the others. */
function unescaped(quoted: string): string | undefined {
  const long = quoted.replace(/\\U([0-9A-Fa-f]{8})/g, (_, digits: string) => {
    const point = Number.parseInt(digits, 16)
    return point > 0x10ffff ? '\\!' : JSON.stringify(String.fromCodePoint(point)).slice(1, -1)
  })
  try {
    const parsed: unknown = JSON.parse(long.replaceAll('\t', '\\t'))
    return typeof parsed === 'string' ? parsed : undefined
  } catch {
    return undefined
  }
}
