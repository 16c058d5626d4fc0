import { type JsonVisitor, walkJson } from '../../contracts/jsonWalk.ts'
import { decodeUtf8 } from '../../crypto/encoding.ts'
import { visible } from '../../support/printable.ts'
import { t } from '../../support/l10n.ts'

/** Characters of one rendering: nesting makes much of little, and a document is for reading. */
const MOST = 4 * 1024 * 1024
const DEEPEST = 64
const INDENT = '  '

export interface Rendering {
  readonly text: string
  /** What its reader has to know beside the text: whole sentences. */
  readonly notes: readonly string[]
}

/**
 * The bytes of a context for reading and comparing: JSON on many lines, each token exactly as it is; anything else as text.
 * Members are neither sorted nor merged, numbers are not read: two renderings differ only where the contexts do.
 */
export function rendering(bytes: Uint8Array): Rendering {
  const { text, note } = decoded(bytes)
  const laid = note === undefined ? laidOut(bytes) : undefined
  const lines = laid ?? event(text)
  const cut = lines.length > MOST
  const cutNote = t`Only the first ${MOST} characters are shown.`
  return {
    text: visible(cut ? lines.slice(0, MOST) : lines, '\n'),
    notes: [...(note === undefined ? [] : [note]), ...(cut ? [cutNote] : [])],
  }
}

function decoded(bytes: Uint8Array): { readonly text: string; readonly note?: string } {
  try {
    return { text: decodeUtf8(bytes) }
  } catch {
    const text = new TextDecoder().decode(bytes)
    return { text, note: t('It is not UTF-8: what could not be decoded is written as \\ufffd.') }
  }
}

/** Of an event of a stream: JSON in its data is laid out, and the rest are comments, so that the document is JSON to the editor. */
function event(text: string): string {
  const lines = text.split('\n').map((line) => {
    const field = /^data: ?(?=[{[])/.exec(line)?.[0]
    return { line, laid: field === undefined ? undefined : laidOut(Buffer.from(line.slice(field.length))) }
  })
  if (lines.every(({ laid }) => laid === undefined)) return text
  return lines
    .map(({ line, laid }) => (laid === undefined ? line.replace(/^(?=.)/, '// ') : `// data:\n${laid}`))
    .join('\n')
}

/** undefined: not JSON, or nested too deeply. */
function laidOut(bytes: Uint8Array): string | undefined {
  const layout = new Layout(bytes)
  try {
    walkJson(bytes, layout, { maxDepth: DEEPEST, wellFormed: false })
    return layout.text
  } catch {
    return undefined
  }
}

class Layout implements JsonVisitor {
  private readonly bytes: Buffer
  private readonly parts: string[] = []
  private length = 0
  /** How many members or elements each open container has so far. */
  private readonly counts: number[] = []
  /** The value that comes next stands behind its name. */
  private named = false

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.bytes = Buffer.from(buffer, byteOffset, byteLength)
  }

  get text(): string {
    return this.parts.join('')
  }

  open(_depth: number, isObject: boolean): void {
    this.begin()
    this.add(isObject ? '{' : '[')
    this.counts.push(0)
  }

  name(_depth: number, start: number, end: number): void {
    this.begin()
    this.add(`"${this.bytes.toString('utf8', start, end)}": `)
    this.named = true
  }

  value(_depth: number, start: number, end: number): void {
    const first = this.bytes[start]
    if (first !== 0x7b && first !== 0x5b) {
      this.begin()
      this.add(this.bytes.toString('utf8', start, end))
      return
    }
    if ((this.counts.pop() ?? 0) > 0) this.add(`\n${INDENT.repeat(this.counts.length)}`)
    this.add(first === 0x7b ? '}' : ']')
  }

  private begin(): void {
    const inner = this.counts.length - 1
    if (inner >= 0 && !this.named) {
      const before = this.counts[inner] ?? 0
      this.counts[inner] = before + 1
      this.add(`${before === 0 ? '' : ','}\n${INDENT.repeat(inner + 1)}`)
    }
    this.named = false
  }

  /** One character more than is shown tells that there is more. */
  private add(text: string): void {
    if (this.length > MOST) return
    this.parts.push(text)
    this.length += text.length
  }
}
