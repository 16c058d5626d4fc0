import type { Node } from 'jsonc-parser'
import { holderIn, invalid, memberOf, parsed, type Place, styleOf } from './jsonEdits.ts'
import { inert } from '../../../support/printable.ts'
import { said } from '../../../support/l10n.ts'

/** A text after one of its entries was replaced, and that entry as it was written. */
export interface Swapped {
  readonly text: string
  readonly original: string
}

/**
 * The text with another value for one entry. Only the bytes of the value change.
 * @throws CountersignError `config-invalid` where the entry is not there once
 */
export function replaceEntry(text: string, place: Place, value: object): Swapped {
  const { offset, length } = entryIn(text, place)
  const original = text.slice(offset, offset + length)
  const { lineEnd, indent } = styleOf(text)
  // The line that the member begins on says how deep it stands.
  const line = text.slice(text.lastIndexOf('\n', offset) + 1, offset)
  const pad = /^[ \t]*/.exec(line)?.[0] ?? ''
  const written = original.includes('\n')
    ? JSON.stringify(value, undefined, indent).replaceAll('\n', `${lineEnd}${pad}`)
    : JSON.stringify(value)
  return { text: text.slice(0, offset) + written + text.slice(offset + length), original }
}

/**
 * The reverse: the entry is again what it was, and all that was changed around it since stays.
 * @throws CountersignError `config-invalid` where the entry is not there once, or `original` is no value
 */
export function restoreEntry(text: string, place: Place, original: string): string {
  const { offset, length } = entryIn(text, place)
  // Alone first: what is no value by itself could end the object around it.
  parsed(original, place.dialect)
  return text.slice(0, offset) + original + text.slice(offset + length)
}

/**
 * The entries of a container by name.
 * @throws CountersignError `config-invalid` for a text that cannot be read, and for a member that is there twice: an agent and we
 * might not take the same one
 */
export function strictEntries(text: string, place: Omit<Place, 'name'>): ReadonlyMap<string, unknown> {
  const holder = text.trim() === '' ? undefined : holderIn(text, place)
  if (holder === undefined) return new Map()
  if (holder.type !== 'object') throw invalid(said`"${inert(place.container)}" is no object`)
  return membersOf(holder)
}

/** The value of a member at the top of a text. @throws as `strictEntries` */
export function strictMember(text: string, name: string, dialect: Place['dialect']): unknown {
  const node = memberOf(parsed(text, dialect), name)
  return node && valueOf(node)
}

function entryIn(text: string, place: Place): Node {
  const holder = holderIn(text, place)
  const found = holder === undefined ? undefined : memberOf(holder, place.name)
  if (found === undefined) throw invalid(said`there is no server "${inert(place.name)}"`)
  return found
}

function membersOf({ children = [] }: Node): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>()
  for (const { children: [key, value] = [] } of children) {
    const name = String(key?.value)
    if (members.has(name)) throw invalid(said`"${inert(name)}" is there twice`)
    members.set(name, value && valueOf(value))
  }
  return members
}

function valueOf(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(valueOf)
  return node.type === 'object' ? Object.fromEntries(membersOf(node)) : node.value
}
