import { parse } from 'smol-toml'
import type { KeptMembers } from '../../../contracts/agentEntry.ts'
import type { Swapped } from './jsonSwap.ts'
import { invalid, key, read } from './tomlEdits.ts'
import { inert } from '../../../support/printable.ts'
import { said } from '../../../support/l10n.ts'

/**
 * The text with other lines for the table `[container.name]` and the tables in it.
 * @throws CountersignError `config-invalid` where the server is not written as a table, or its parts stand apart
 */
export function replaceTable(text: string, container: string, name: string, entry: KeptMembers): Swapped {
  const { start, end } = tableIn(text, container, name)
  const original = text.slice(start, end)
  const lineEnd = original.includes('\r\n') ? '\r\n' : '\n'
  // JSON's texts, numbers and lists of them are TOML's as well, but for one character that JSON lets stand.
  const lines = Object.entries(entry).map(([member, value]) => `${key(member)} = ${written(value)}`)
  const table = [`[${key(container)}.${key(name)}]`, ...lines].join(lineEnd)
  return { text: text.slice(0, start) + table + text.slice(end), original }
}

/** The reverse of `replaceTable`. @throws CountersignError `config-invalid` as that, or where the result would be no TOML */
export function restoreTable(text: string, container: string, name: string, original: string): string {
  const { start, end } = tableIn(text, container, name)
  const restored = text.slice(0, start) + original + text.slice(end)
  read(restored)
  return restored
}

/** The servers of a container by name. @throws CountersignError `config-invalid` for a text that cannot be read */
export function strictTables(text: string, container: string): ReadonlyMap<string, unknown> {
  let servers: unknown
  try {
    servers = new Map<string, unknown>(Object.entries(parse(text.replace(/^\ufeff/, '')))).get(container)
  } catch {
    // The parser's message quotes the file, and in that there may be tokens.
    throw invalid(said('there is something that is not understood'))
  }
  return new Map(typeof servers === 'object' && servers !== null ? Object.entries(servers) : [])
}

function tableIn(text: string, container: string, name: string): { readonly start: number; readonly end: number } {
  const statements = read(text)
  const own = statements.flatMap(({ path }, index) => (path[0] === container && path[1] === name ? [index] : []))
  const [first = -1] = own
  const last = own.at(-1) ?? -1
  const [begin, finish] = [statements[first], statements[last]]
  if (begin?.kind !== 'table' || finish === undefined)
    throw invalid(said`there is no table of a server "${inert(name)}"`)
  if (last - first + 1 !== own.length)
    throw invalid(said`the tables of the server "${inert(name)}" do not stand together`)
  return { start: begin.start, end: finish.end }
}

function written(value: KeptMembers[string]): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007F')
}
