import { CountersignError } from '../../../support/errors.ts'
import { said, type Sentence } from '../../../support/l10n.ts'
import { inert } from '../../../support/printable.ts'
import { type Statement, tomlStatements } from './tomlScan.ts'

const BARE_KEY = /^[A-Za-z0-9_-]+$/

export interface TomlEntry {
  readonly command: string
  readonly args: readonly string[]
}

/**
 * The text with a table `[container.name]` at its end. Nothing that was there is touched.
 * @throws CountersignError `config-invalid` where the name is taken, or the text is not understood
 */
export function addTable(text: string, container: string, name: string, { command, args }: TomlEntry): string {
  const statements = read(text)
  if (statements.some(({ path }) => path[0] === container && path[1] === name)) {
    throw invalid(said`there is a server "${inert(name)}" already`)
  }
  // An inline table or an array of tables cannot be added to from outside.
  if (statements.some(({ kind, path }) => kind !== 'table' && path[0] === container && path.length === 1)) {
    throw invalid(said`"${inert(container)}" is written in a way that nothing can be added to`)
  }
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  const lines = [
    `[${key(container)}.${key(name)}]`,
    `command = ${JSON.stringify(command)}`,
    `args = [${args.map((arg) => JSON.stringify(arg)).join(', ')}]`,
  ]
  const apart = text === '' ? '' : text.endsWith('\n') ? lineEnd : lineEnd + lineEnd
  return `${text}${apart}${lines.join(lineEnd)}${lineEnd}`
}

/**
 * The text without the table `[container.name]`: from the blank lines in front of it to the end of its last line.
 * @throws CountersignError `config-invalid` where there is no such table, or parts of it stand elsewhere
 */
export function removeTable(text: string, container: string, name: string): string {
  const statements = read(text)
  const belongs = ({ path }: Statement): boolean => path[0] === container && path[1] === name
  const first = statements.findIndex((statement) => belongs(statement) && statement.kind === 'table')
  const begin = statements[first]
  if (begin === undefined || begin.path.length !== 2)
    throw invalid(said`there is no table of a server "${inert(name)}"`)
  let last = first
  while (statements[last + 1]?.kind === 'value') last += 1
  if (statements.some((statement, index) => belongs(statement) && (index < first || index > last))) {
    throw invalid(said`the server "${inert(name)}" has more than one table`)
  }
  const end = statements[last]?.end ?? begin.end
  const before = text.slice(0, begin.start)
  const rest = text.slice(end)
  // The rest of its last line goes too, but for a comment.
  const lineEnd = /^[ \t]*(?:\r?\n|$)/.exec(rest)?.[0] ?? ''
  // One blank line, as `addTable` put it there.
  return before.replace(/(^|\n)\r?\n$/, '$1') + rest.slice(lineEnd.length)
}

/** Command and arguments of the tables that are written as ours are, by name. */
export function tablesOf(text: string, container: string): ReadonlyMap<string, unknown> {
  const statements = tomlStatements(text) ?? []
  const tables = new Map<string, Record<string, unknown>>()
  for (const { kind, path, start, end } of statements) {
    const [first, name, member] = path
    if (kind !== 'value' || first !== container || name === undefined || member === undefined || path.length !== 3)
      continue
    const entry = tables.get(name) ?? {}
    const written = text.slice(start, end)
    entry[member] = jsonOrNothing(written.slice(written.indexOf('=') + 1))
    tables.set(name, entry)
  }
  return tables
}

export function read(text: string): readonly Statement[] {
  const statements = tomlStatements(text)
  if (statements === undefined) throw invalid(said('there is something that is not understood'))
  return statements
}

/** Strings and arrays of strings, as we write them, are JSON as well. */
function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function key(part: string): string {
  return BARE_KEY.test(part) ? part : JSON.stringify(part)
}

export function invalid(what: Sentence): CountersignError {
  return new CountersignError('config-invalid', said`In the agent’s file ${what}. Nothing was written.`)
}
