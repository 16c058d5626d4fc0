import type { Choice } from '../../../evidence/bundle/selection.ts'
import type { JournalFolder } from '../../../evidence/journal/store.ts'
import { isDigest, parseStatement } from '../../../evidence/statement.ts'
import type { Statement } from '../../../evidence/types.ts'

export interface EvidenceChoice {
  readonly choice: Choice
  /** Of the file, without its extension. */
  readonly name: string
  /** It is meant to show whole sessions. */
  readonly whole: boolean
}

/**
 * What a row of the panel wants exported: `{ sid }`, `{ digest }`, `{ digests }` (of statements or of contexts), or
 * `{ from, to }` in ms since 1970. undefined for anything else: then a person is asked.
 */
export function choiceFrom(target: unknown): EvidenceChoice | undefined {
  if (typeof target !== 'object' || target === null) return undefined
  const { sid, digest, digests, from, to }: Record<string, unknown> = { ...target }
  if (isDigest(sid)) return ofSession(sid)
  const named: unknown[] = Array.isArray(digests) ? digests : [digest]
  if (named.length > 0 && named.every(isDigest)) {
    const choice = { selection: { kind: 'contexts' }, digests: new Set(named) } as const
    return { choice, name: named.length === 1 ? 'context' : 'contexts', whole: false }
  }
  if (!isTime(from) || !isTime(to) || (from === undefined && to === undefined)) return undefined
  return ofTime(from, to)
}

export function ofSession(sid: string): EvidenceChoice {
  return { choice: { selection: { kind: 'session', sid } }, name: `session-${sid.slice(0, 8)}`, whole: true }
}

export function ofTime(from: number | undefined, to: number | undefined): EvidenceChoice {
  const times = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  return { choice: { selection: { kind: 'time', ...times } }, name: 'evidence', whole: false }
}

function isTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}

export function serversIn(text: string): ReadonlySet<string> {
  return new Set(text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()])))
}

/** Ms since 1970; undefined for what is no time. */
export function localTime(text: string): number | undefined {
  const [, date, time = '00:00'] = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?$/.exec(text.trim()) ?? []
  // With a time and without a zone it is local; a date alone would be UTC.
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${time}`)
  return Number.isSafeInteger(at) && at >= 0 ? at : undefined
}

interface Seen {
  from: number
  records: number
  readonly servers: Set<string>
}

export async function sessionsIn(journal: JournalFolder, signal: AbortSignal): Promise<ReadonlyMap<string, Seen>> {
  const sessions = new Map<string, Seen>()
  for await (const item of journal.read(signal)) {
    if (item.kind !== 'entry') continue
    const statement = readable(item.entry.statement)
    if (statement === undefined) continue
    const seen: Seen = sessions.get(statement.sid) ?? { from: item.entry.at, records: 0, servers: new Set() }
    seen.records++
    seen.servers.add(statement.server)
    sessions.set(statement.sid, seen)
  }
  return sessions
}

function readable(bytes: Uint8Array): Statement | undefined {
  try {
    return parseStatement(bytes)
  } catch {
    // It will not hold either; the export has it, and says so.
    return undefined
  }
}
