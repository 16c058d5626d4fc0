import { isUtf8 } from 'node:buffer'
import { CountersignError } from '../support/errors.ts'
import { tooDeep } from './jsonTokens.ts'
import { type JsonVisitor, walkJson } from './jsonWalk.ts'

/** JSON read so that no two parsers can disagree about it: what is ambiguous is refused. */

export interface StrictOptions {
  /** 64 is the depth of documents of ours (docs/PROTOCOL.md, "Alerts and limits"). */
  readonly maxDepth?: number
  /** Refuses numbers that a double rounds or overflows, and those that are written back otherwise: integers past 2^53, 1e999, -0. */
  readonly safeIntegers?: boolean
}

/**
 * Parses one JSON document. Objects have no prototype, so `__proto__` and `constructor` are members like any other.
 * @throws CountersignError `decode` for invalid UTF-8 or JSON, a byte order mark, duplicate members, half surrogates, depth
 */
export function parseStrictJson(input: Uint8Array | string, options: StrictOptions = {}): unknown {
  const { maxDepth = 64, safeIntegers = false } = options
  const bytes = typeof input === 'string' ? encode(input) : asBuffer(input)
  if (!isUtf8(bytes)) throw new CountersignError('decode', 'A document is not valid UTF-8.')
  const text = bytes.toString('utf8')
  const quick = parseCompact(text)
  if (quick !== undefined) return checked(quick, maxDepth, safeIntegers)
  walkJson(bytes, new NamesVisitor(bytes), { maxDepth, wellFormed: true })
  return checked(JSON.parse(text), maxDepth, safeIntegers)
}

/**
 * The quick way, many times faster, for documents that are spelled as JSON.stringify spells them, as nearly all of ours are:
 * what was read and is written again comes out the same, so there was no second member of a name, no other spelling of a
 * number or a name, and nothing left over. Undefined for all others, good or bad: the walk decides about them.
 */
function parseCompact(text: string): unknown {
  // JSON.stringify spells half a surrogate pair as an escape, which would come out the same.
  if (text.includes('\\u')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Takes the prototypes away, and looks at each number, which says by itself whether it can be exact.
 * @throws CountersignError `decode` for such numbers, and where more than `depth` containers are in each other: so the
 *   recursion is bounded
 */
function checked(value: unknown, depth: number, safeIntegers: boolean): unknown {
  if (typeof value === 'number' && safeIntegers) checkNumber(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) throw tooDeep()
  if (Array.isArray(value)) {
    for (const element of value) checked(element, depth - 1, safeIntegers)
    return value
  }
  const members: Record<string, unknown> = Object.setPrototypeOf(value, null)
  // Without a prototype there are no names but its own.
  for (const name in members) checked(members[name], depth - 1, safeIntegers)
  return members
}

function checkNumber(number: number): void {
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) {
    throw new CountersignError('decode', 'A JSON number is too large to be exact.')
  }
  // It is written back as 0: two documents for one value, and a comparison that holds for one of them only.
  if (Object.is(number, -0)) throw new CountersignError('decode', 'A JSON number is minus zero.')
}

const SURROGATE = /\p{Surrogate}/u

/** Refuses names that were seen before in the same container. */
class NamesVisitor implements JsonVisitor {
  private readonly bytes: Buffer
  /** The names seen so far in each open container, by depth; emptied when one opens. */
  private readonly names: Set<string>[] = []

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  open(depth: number): void {
    this.names[depth]?.clear()
  }

  name(depth: number, start: number, end: number, escaped: boolean): void {
    let seen = this.names[depth]
    if (seen === undefined) {
      seen = new Set()
      this.names[depth] = seen
    }
    const size = seen.size
    seen.add(nameAt(this.bytes, start, end, escaped))
    if (seen.size === size) throw new CountersignError('decode', 'A JSON object has a member twice.')
  }

  value(): void {}
}

function nameAt(bytes: Buffer, start: number, end: number, escaped: boolean): string {
  const name = bytes.toString('utf8', start, end)
  // "\u0069d" is "id" to every parser, so names are compared as what they mean.
  return escaped ? String(JSON.parse(`"${name}"`)) : name
}

/** Buffer would turn half of a surrogate pair into U+FFFD, and the document into another one. */
function encode(text: string): Buffer {
  if (SURROGATE.test(text)) throw new CountersignError('decode', 'A document holds half of a surrogate pair.')
  return Buffer.from(text)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether a parsed value is an object, neither null nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The bytes [start, end) of a value: its exact token, without white space around it. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface ScannedDocument {
  readonly kind: 'object' | 'array' | 'scalar'
  /** Top-level members by decoded name; of a duplicate the first. */
  readonly members: ReadonlyMap<string, Span>
  /** Members of the top-level objects that were asked for: `nested.get('params')?.get('name')`. */
  readonly nested: ReadonlyMap<string, ReadonlyMap<string, Span>>
  /**
   * Paths of members that another parser may read differently: a name that appears twice, also when only case tells the
   * two apart (Go's encoding/json ignores it), or that only case tells from a name of JSON-RPC. "id", "params.name".
   */
  readonly duplicates: readonly string[]
}

/** Names that decide what a message does. */
const KNOWN = new Map([
  ['', new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])],
  ['params', new Set(['name', 'arguments', 'uri'])],
])
const MAX_MEMBERS = 4096
const BODY_DEPTH = 1000

/**
 * Finds the members of a JSON-RPC body without parsing it: some 100 MB a second, whatever its shape. The body itself is
 * passed on byte for byte, so this must accept exactly what JSON is.
 * @param nested names of top-level members whose own members are wanted
 * @throws CountersignError `decode` for invalid UTF-8 or JSON, depth over 1000, more than 4096 members looked at
 */
export function scanMembers(input: Uint8Array, nested: readonly string[] = ['params']): ScannedDocument {
  const bytes = asBuffer(input)
  if (!isUtf8(bytes)) throw new CountersignError('decode', 'A message is not valid UTF-8.')
  const visitor = new MemberVisitor(bytes, new Set(nested))
  walkJson(bytes, visitor, { maxDepth: BODY_DEPTH, wellFormed: false })
  return visitor
}

class MemberVisitor implements JsonVisitor, ScannedDocument {
  kind: ScannedDocument['kind'] = 'scalar'
  readonly members = new Map<string, Span>()
  readonly nested = new Map<string, Map<string, Span>>()
  readonly duplicates: string[] = []
  private readonly bytes: Buffer
  private readonly wanted: ReadonlySet<string>
  private readonly folded = new Set<string>()
  /** The member being read at depth 1, and inside it at depth 2. */
  private outer = ''
  private inner = ''
  private inside: Map<string, Span> | null = null
  private count = 0

  constructor(bytes: Buffer, wanted: ReadonlySet<string>) {
    this.bytes = bytes
    this.wanted = wanted
  }

  open(depth: number, isObject: boolean): void {
    if (depth === 1) this.kind = isObject ? 'object' : 'array'
    if (depth !== 2) return
    this.inside = null
    if (this.kind !== 'object' || !isObject || !this.wanted.has(this.outer)) return
    this.inside = new Map()
    // Of a duplicate the first stays; the second is reported and goes nowhere.
    if (!this.nested.has(this.outer)) this.nested.set(this.outer, this.inside)
  }

  name(depth: number, start: number, end: number, escaped: boolean): void {
    if (depth === 1) {
      this.outer = nameAt(this.bytes, start, end, escaped)
      this.check('', this.outer)
    } else if (depth === 2 && this.inside !== null) {
      this.inner = nameAt(this.bytes, start, end, escaped)
      this.check(this.outer, this.inner)
    }
  }

  value(depth: number, start: number, end: number): void {
    if (this.kind !== 'object') return
    if (depth === 1 && !this.members.has(this.outer)) this.members.set(this.outer, { start, end })
    if (depth === 2 && this.inside !== null && !this.inside.has(this.inner)) this.inside.set(this.inner, { start, end })
  }

  private check(parent: string, name: string): void {
    if (++this.count > MAX_MEMBERS) throw new CountersignError('decode', 'A message has too many members.')
    const path = parent === '' ? name : `${parent}.${name}`
    // Upper case first: it takes "ſ" to S, as Go's case folding does, and lower case takes the Kelvin sign to k.
    const fold = name.toUpperCase().toLowerCase()
    const key = `${parent === '' ? '' : `${parent}\0`}${fold}`
    if (this.folded.has(key) || (name !== fold && KNOWN.get(parent)?.has(fold) === true)) this.duplicates.push(path)
    this.folded.add(key)
  }
}
