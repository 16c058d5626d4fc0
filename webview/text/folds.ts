import type { Line } from './json.ts'

export interface Fold {
  /** Depth, from 1. */
  readonly level: number
  /** The line that closes what this one opens, if that is another one. */
  readonly until: number | undefined
}

/** What of laid out lines can be folded. Nesting costs no stack. */
export function folds(lines: readonly Line[]): Fold[] {
  const levels: number[] = []
  const until: (number | undefined)[] = lines.map(() => undefined)
  const open: number[] = []
  for (const [at, line] of lines.entries()) {
    // What closes stands where it was opened.
    levels.push(open.length + (closes(line) ? 0 : 1))
    for (const { kind, text } of line) {
      if (kind !== 'punctuation') continue
      if (text === '{' || text === '[') open.push(at)
      else if (text === '}' || text === ']') {
        const from = open.pop()
        if (from !== undefined && from !== at) until[from] = at
      }
    }
  }
  return levels.map((level, at) => ({ level, until: until[at] }))
}

/** Whether a line begins with what closes an earlier one. */
export function closes(line: Line): boolean {
  const first = line.find(({ text }) => text.trim() !== '')
  return first?.kind === 'punctuation' && (first.text === '}' || first.text === ']')
}
