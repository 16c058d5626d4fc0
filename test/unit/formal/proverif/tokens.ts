/** A word, a number or a sign of a ProVerif source, and the line it stands on. */
export interface Token {
  readonly text: string
  readonly line: number
}

const TOKEN = /\(\*|\s+|inj-event|[A-Za-z][\w']*|\d+|==>|&&|\|\||<>|[()[\],;:.=|!]/y

/**
 * Splits a ProVerif source. Only what the models use is known: a sign that is not is an error, not skipped.
 * @throws Error with the line: an unknown sign, a comment that does not end, a comment in a comment (ProVerif ends both at the first end)
 */
export function tokens(source: string): Token[] {
  const found: Token[] = []
  let line = 1
  let at = 0
  while (at < source.length) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(source)?.[0]
    if (match === undefined) throw new Error(`line ${line}: unknown sign ${JSON.stringify(source[at])}`)
    let text = match
    if (text === '(*') {
      const end = source.indexOf('*)', at + 2)
      if (end < 0) throw new Error(`line ${line}: a comment that does not end`)
      text = source.slice(at, end + 2)
      if (text.indexOf('(*', 2) >= 0) throw new Error(`line ${line}: a comment in a comment`)
    } else if (text.trim() !== '') {
      found.push({ text, line })
    }
    line += text.split('\n').length - 1
    at += text.length
  }
  return found
}
