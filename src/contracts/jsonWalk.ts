import { literalEnd, malformed, numberEnd, startsNumber, stringEnd, tooDeep } from './jsonTokens.ts'

/**
 * One pass over the bytes of a JSON document (RFC 8259) that checks its grammar, reports where names and values are, and
 * builds nothing. Iterative and linear: nesting costs an entry in an array, not a stack frame.
 */
export interface JsonVisitor {
  /** A container opened; its members or elements are at `depth`, 1 for those of the outermost one. */
  open(depth: number, isObject: boolean): void
  /** A member's name: the bytes between its quotation marks. `escaped` says that they hold a backslash, so they are not it yet. */
  name(depth: number, start: number, end: number, escaped: boolean): void
  /** A value ended. `depth` is that of its container, 0 for the document. The bytes are its exact token. */
  value(depth: number, start: number, end: number): void
}

export interface WalkOptions {
  readonly maxDepth: number
  /** Refuses escapes of one half of a surrogate pair: they have no UTF-8, so two parsers make two texts of them. */
  readonly wellFormed: boolean
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** @throws CountersignError `decode` for what is not JSON or nests too deeply. The bytes must be UTF-8: not checked here. */
export function walkJson(bytes: Uint8Array, visitor: JsonVisitor, options: WalkOptions): void {
  new Walk(bytes, visitor, options).run()
}

class Walk {
  private readonly bytes: Uint8Array
  private readonly visitor: JsonVisitor
  private readonly options: WalkOptions
  private at = 0
  /** Where each open container starts, and whether it is an object. */
  private readonly starts: number[] = []
  private readonly objects: boolean[] = []

  constructor(bytes: Uint8Array, visitor: JsonVisitor, options: WalkOptions) {
    this.bytes = bytes
    this.visitor = visitor
    this.options = options
  }

  run(): void {
    do {
      while (this.beginValue());
    } while (this.nextValue())
    if (this.peek() !== -1) throw malformed()
  }

  /** Reads a scalar, an empty container, or the opening of a container: true for the last, whose first value follows. */
  private beginValue(): boolean {
    const byte = this.peek()
    const start = this.at
    if (byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) {
      this.scalar(byte)
      this.visitor.value(this.starts.length, start, this.at)
      return false
    }
    if (this.starts.length >= this.options.maxDepth) throw tooDeep()
    const isObject = byte === OPEN_OBJECT
    this.at++
    this.starts.push(start)
    this.objects.push(isObject)
    this.visitor.open(this.starts.length, isObject)
    if (this.peek() === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      this.close()
      return false
    }
    if (isObject) this.name()
    return true
  }

  /** After a value: closes the containers that end here. False at the end of the document. */
  private nextValue(): boolean {
    while (this.starts.length > 0) {
      const isObject = this.objects[this.objects.length - 1] === true
      const byte = this.peek()
      if (byte === COMMA) {
        this.at++
        if (isObject) this.name()
        return true
      }
      if (byte !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) throw malformed()
      this.close()
    }
    return false
  }

  private close(): void {
    this.at++
    this.objects.pop()
    const start = this.starts.pop() ?? 0
    this.visitor.value(this.starts.length, start, this.at)
  }

  private name(): void {
    if (this.peek() !== QUOTE) throw malformed()
    const start = this.at + 1
    this.at = stringEnd(this.bytes, this.at, this.options.wellFormed)
    const end = this.at - 1
    this.visitor.name(this.starts.length, start, end, hasBackslash(this.bytes, start, end))
    if (this.peek() !== COLON) throw malformed()
    this.at++
  }

  private scalar(byte: number): void {
    if (byte === QUOTE) this.at = stringEnd(this.bytes, this.at, this.options.wellFormed)
    else if (startsNumber(byte)) this.at = numberEnd(this.bytes, this.at)
    else this.at = literalEnd(this.bytes, this.at)
  }

  /** The next byte that is not white space, which stays unread; -1 at the end. */
  private peek(): number {
    for (;;) {
      const byte = this.bytes[this.at]
      if (byte === undefined) return -1
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.at++
    }
  }
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0x5c) return true
  return false
}
