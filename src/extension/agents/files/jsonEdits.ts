import { createScanner, type Node, parseTree, type ParseError } from 'jsonc-parser'
import { CountersignError } from '../../../support/errors.ts'
import { said, type Sentence } from '../../../support/l10n.ts'
import { inert } from '../../../support/printable.ts'

/** JSON as most agents read it, or with the comments and trailing commas that VS Code allows. */
export type Dialect = 'json' | 'jsonc'

/** What an edit inserts or takes away: everything else of the text stays byte for byte. */
export interface Place {
  /** The member of the file that holds all servers. */
  readonly container: string
  /** Members that lead to the container, from the top. */
  readonly within?: readonly string[]
  readonly name: string
  readonly dialect: Dialect
}

/**
 * The text with one member more in its container, made where it is missing. Only insertions: no byte that was there is
 * moved, altered or formatted anew. An empty text becomes a whole file.
 * @throws CountersignError `config-invalid` for a text that is no object, or where the name is taken
 */
export function addEntry(text: string, { container, within = [], name, dialect }: Place, value: object): string {
  const style = styleOf(text)
  if (within.length === 0 && text.replace(/^\ufeff/, '').trim() === '') {
    return `${text}${JSON.stringify({ [container]: { [name]: value } }, undefined, style.indent)}${style.lineEnd}`
  }
  const root = objectIn(parsed(text, dialect), within)
  const holder = memberOf(root, container)
  if (holder === undefined) return inserted(text, root, within.length + 1, container, { [name]: value }, style)
  if (holder.type !== 'object') throw invalid(said`"${inert(container)}" is no object`)
  if (memberOf(holder, name) !== undefined) throw invalid(said`there is a server "${inert(name)}" already`)
  return inserted(text, holder, within.length + 2, name, value, style)
}

/**
 * The text without one member of its container: the member, the white space in front of it and one comma go.
 * @throws CountersignError `config-invalid` where it is not there
 */
export function removeEntry(text: string, place: Place): string {
  const { name } = place
  const holder = holderIn(text, place)
  const property = holder === undefined ? undefined : memberOf(holder, name)?.parent
  if (holder === undefined || property === undefined) throw invalid(said`there is no server "${inert(name)}"`)
  const siblings = holder.children ?? []
  const at = siblings.indexOf(property)
  const before = siblings[at - 1]
  const end = property.offset + property.length
  const following = commaBetween(text, end, siblings[at + 1]?.offset ?? endOf(holder))
  const begin = before === undefined ? holder.offset + 1 : before.offset + before.length
  const start = cutFrom(text, begin, property.offset, (following ?? end - 1) + 1)
  // A comma may stand behind a comment: that stays.
  if (following !== undefined) return text.slice(0, start) + text.slice(end, following) + text.slice(following + 1)
  if (before === undefined) {
    const rest = text.slice(end)
    // An object that is empty now is written as one, unless a comment stands in it.
    return (
      text.slice(0, start) + (text[start - 1] === '{' && rest.trimStart().startsWith('}') ? rest.trimStart() : rest)
    )
  }
  const comma = commaBetween(text, begin, property.offset) ?? start
  return text.slice(0, comma) + text.slice(comma + 1, start) + text.slice(end)
}

/** The members of the container, by name. Undefined: the text cannot be read, or has none. */
export function entriesOf(text: string, place: Omit<Place, 'name'>): ReadonlyMap<string, unknown> {
  try {
    const holder = holderIn(text, place)
    const members = (holder?.type === 'object' ? holder.children : undefined) ?? []
    return new Map(members.map(({ children: [key, value] = [] }) => [String(key?.value), valueOf(value)]))
  } catch {
    return new Map()
  }
}

/**
 * Where the white space in front of a member begins. Its line end is left where a line comment stands before it and something
 * else than a line end would follow: the comment would take that in.
 */
function cutFrom(text: string, from: number, offset: number, next: number): number {
  const comment = tokens(text, from, offset)
    .findLast(({ written }) => written.trim() !== '')
    ?.written.startsWith('//')
  if (comment === true && !/^[ \t]*\r?\n/.test(text.slice(next))) return text.lastIndexOf('\n', offset) + 1
  return text.slice(0, offset).trimEnd().length
}

function inserted(text: string, object: Node, depth: number, name: string, value: object, style: Style): string {
  const members = object.children ?? []
  const last = members.at(-1)
  const close = endOf(object)
  const many = last === undefined || text.slice(object.offset, close).includes('\n')
  const pad = style.indent.repeat(depth)
  const property = `${JSON.stringify(name)}: ${many ? JSON.stringify(value, undefined, style.indent) : JSON.stringify(value)}`
  const body = many ? property.replaceAll('\n', `${style.lineEnd}${pad}`) : property
  if (last === undefined) {
    const inside = text.slice(object.offset + 1, close)
    const lead = `${style.lineEnd}${pad}${body}`
    // Behind what stands in it: a comment goes on belonging to the object.
    const at = object.offset + 1 + inside.trimEnd().length
    const tail = text.slice(at, close).includes('\n') ? '' : `${style.lineEnd}${style.indent.repeat(depth - 1)}`
    return text.slice(0, at) + lead + tail + text.slice(at)
  }
  const end = last.offset + last.length
  const comma = commaBetween(text, end, close)
  // Behind a comment of the last member, so that it does not become one of ours.
  const at = end + text.slice(end, close).trimEnd().length
  const lead = many ? `${style.lineEnd}${pad}` : ' '
  // Where the last member had a trailing comma, ours has one: that is how its owner writes.
  return comma === undefined
    ? `${text.slice(0, end)},${text.slice(end, at)}${lead}${body}${text.slice(at)}`
    : `${text.slice(0, at)}${lead}${body},${text.slice(at)}`
}

/** Where the first comma between two offsets is; one in a comment is none. */
function commaBetween(text: string, from: number, to: number): number | undefined {
  return tokens(text, from, to).find(({ written }) => written === ',')?.offset
}

interface Token {
  readonly offset: number
  readonly written: string
}

/** Punctuation, comments and white space between two values. */
function tokens(text: string, from: number, to: number): Token[] {
  const found: Token[] = []
  const scanner = createScanner(text)
  scanner.setPosition(from)
  for (scanner.scan(); scanner.getTokenOffset() < to; scanner.scan()) {
    const offset = scanner.getTokenOffset()
    found.push({ offset, written: text.slice(offset, offset + scanner.getTokenLength()) })
  }
  return found
}

export function parsed(text: string, dialect: Dialect): Node {
  const errors: ParseError[] = []
  const loose = dialect === 'jsonc'
  // One character for one: offsets are those of the text.
  const readable = text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text
  const root = parseTree(readable, errors, { allowTrailingComma: loose, disallowComments: !loose })
  const first = errors[0]
  if (first !== undefined) throw invalid(said`line ${text.slice(0, first.offset).split('\n').length} cannot be read`)
  if (root?.type !== 'object') throw invalid(said('it is no JSON object'))
  return root
}

/** The container; undefined where there is none. @throws CountersignError `config-invalid` */
export function holderIn(text: string, { container, within = [], dialect }: Omit<Place, 'name'>): Node | undefined {
  const root = parsed(text, dialect)
  const outer = within.reduce<Node | undefined>((node, name) => node && memberOf(node, name), root)
  return outer && memberOf(outer, container)
}

function objectIn(root: Node, within: readonly string[]): Node {
  return within.reduce((node, name) => {
    const found = memberOf(node, name)
    if (found?.type !== 'object') throw invalid(said`there is no "${inert(name)}"`)
    return found
  }, root)
}

/** The value of a member. A name that is there twice is refused: its readers do not agree which one counts. */
export function memberOf(object: Node, name: string): Node | undefined {
  const found = (object.children ?? []).filter(({ children }) => children?.[0]?.value === name)
  if (found.length > 1) throw invalid(said`"${inert(name)}" is there twice`)
  return found[0]?.children?.[1]
}

function valueOf(node: Node | undefined): unknown {
  if (node?.type === 'array') return (node.children ?? []).map(valueOf)
  if (node?.type !== 'object') return node?.value
  return Object.fromEntries(
    (node.children ?? []).map(({ children: [key, value] = [] }) => [key?.value, valueOf(value)]),
  )
}

/** The closing brace. */
function endOf(object: Node): number {
  return object.offset + object.length - 1
}

interface Style {
  readonly lineEnd: string
  readonly indent: string
}

export function styleOf(text: string): Style {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  return { lineEnd, indent: /\n(\t| +)["}]/.exec(text)?.[1] ?? '  ' }
}

export function invalid(what: Sentence): CountersignError {
  return new CountersignError('config-invalid', said`In the agent’s file ${what}. Nothing was written.`)
}
