import { window } from 'vscode'
import type { Choice } from '../../../evidence/bundle/selection.ts'
import type { JournalFolder } from '../../../evidence/journal/store.ts'
import { isDigest, parseStatement } from '../../../evidence/statement.ts'
import type { Statement } from '../../../evidence/types.ts'
import type { Clock } from '../../../support/clock.ts'
import { CountersignError } from '../../../support/errors.ts'
import { locale, t } from '../../../support/l10n.ts'
import { withProgress } from '../../progress.ts'
import { contexts } from '../counted.ts'
import { pickOne } from '../pickOne.ts'

export interface EvidenceChoice {
  readonly choice: Choice
  /** Of the file, without its extension. */
  readonly name: string
  /** It is meant to show whole sessions. */
  readonly whole: boolean
}

export type Redaction = (statement: Statement, digest: string) => boolean

const HOUR = 3_600_000

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

/** Asks the person. undefined: they closed a list. @throws CountersignError `usage` for an empty journal */
export async function chooseEvidence(journal: JournalFolder, clock: Clock): Promise<EvidenceChoice | undefined> {
  const ways = [
    { label: t('A session…'), way: 'session' },
    { label: t('The last hour'), way: 'hour' },
    { label: t('The last 24 hours'), way: 'day' },
    { label: t('Between two times…'), way: 'times' },
    { label: t('Everything'), way: 'all' },
  ] as const
  const picked = await pickOne(ways, { title: t('Export Evidence'), placeHolder: t('What shall go into the file?') })
  const now = clock.now()
  switch (picked?.way) {
    case 'session':
      return await chooseSession(journal)
    case 'hour':
      return ofTime(now - HOUR, undefined)
    case 'day':
      return ofTime(now - 24 * HOUR, undefined)
    case 'times':
      return await chooseTimes()
    case 'all':
      return { choice: { selection: { kind: 'all' } }, name: 'evidence', whole: true }
    case undefined:
    default:
      return undefined
  }
}

/** Asks whose bytes stay out. undefined: they closed the list. */
export async function chooseRedaction({ choice }: EvidenceChoice): Promise<Redaction | undefined> {
  const one = choice.digests?.size === 1
  const ways = [
    { label: one ? t('With its bytes') : t('With the bytes of all contexts'), way: 'none' },
    { label: t('Without bytes'), description: t('digests stay in and are proven'), way: 'all' },
    ...(one ? [] : [{ label: t('Without the bytes of some servers…'), way: 'servers' }]),
  ]
  const detail = t(
    'Method, id, server, time and length stay readable, and whoever guesses a context can compare the guess.',
  )
  const picked = await pickOne(
    ways.map((way) => ({ ...way, detail: way.way === 'none' ? '' : detail })),
    { title: t('Export Evidence'), placeHolder: t('Shall contexts be readable in the file?') },
  )
  if (picked === undefined) return undefined
  if (picked.way !== 'servers') return () => picked.way === 'all'
  const typed = await window.showInputBox({
    title: t('Export Evidence'),
    prompt: t('Names of the servers whose contexts are left out, separated by commas'),
    ignoreFocusOut: true,
    validateInput: (text) => (serversIn(text).size > 0 ? undefined : t('Name at least one server.')),
  })
  if (typed === undefined) return undefined
  const servers = serversIn(typed)
  return ({ server }) => servers.has(server)
}

function serversIn(text: string): ReadonlySet<string> {
  return new Set(text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()])))
}

interface Seen {
  from: number
  records: number
  readonly servers: Set<string>
}

async function chooseSession(journal: JournalFolder): Promise<EvidenceChoice | undefined> {
  const sessions = await withProgress(t('Reading the journal'), async (signal) => await sessionsIn(journal, signal))
  if (sessions.size === 0) throw new CountersignError('usage', 'The journal has no session yet. Connect, then export.')
  const items = [...sessions].toReversed().map(([sid, { from, records, servers }]) => ({
    label: new Date(from).toLocaleString(locale()),
    description: `${contexts(records)} · ${[...servers].filter((name) => name !== '-').join(', ')}`,
    detail: sid,
    sid,
  }))
  const picked = await pickOne(items, {
    title: t('Export Evidence'),
    placeHolder: t('Which session?'),
    matchOnDescription: true,
  })
  return picked === undefined ? undefined : ofSession(picked.sid)
}

async function sessionsIn(journal: JournalFolder, signal: AbortSignal): Promise<ReadonlyMap<string, Seen>> {
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

async function chooseTimes(): Promise<EvidenceChoice | undefined> {
  const ask = async (prompt: string) =>
    await window.showInputBox({
      title: t('Export Evidence'),
      prompt,
      placeHolder: '2026-11-29 10:00',
      ignoreFocusOut: true,
      validateInput: (text) =>
        localTime(text) === undefined ? t('Say a local time, as 2026-11-29 10:00.') : undefined,
    })
  const from = await ask(t('From which time on? (local time)'))
  const to = from === undefined ? undefined : await ask(t('Until before which time? (local time)'))
  return from === undefined || to === undefined ? undefined : ofTime(localTime(from), localTime(to))
}

/** Ms since 1970; undefined for what is no time. */
function localTime(text: string): number | undefined {
  const [, date, time = '00:00'] = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?$/.exec(text.trim()) ?? []
  // With a time and without a zone it is local; a date alone would be UTC.
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${time}`)
  return Number.isSafeInteger(at) && at >= 0 ? at : undefined
}

function ofSession(sid: string): EvidenceChoice {
  return { choice: { selection: { kind: 'session', sid } }, name: `session-${sid.slice(0, 8)}`, whole: true }
}

function ofTime(from: number | undefined, to: number | undefined): EvidenceChoice {
  const times = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  return { choice: { selection: { kind: 'time', ...times } }, name: 'evidence', whole: false }
}

function isTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}
