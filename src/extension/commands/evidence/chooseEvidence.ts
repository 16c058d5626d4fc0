import { window } from 'vscode'
import type { JournalFolder } from '../../../evidence/journal/store.ts'
import type { Statement } from '../../../evidence/types.ts'
import type { Clock } from '../../../support/clock.ts'
import { CountersignError } from '../../../support/errors.ts'
import { locale, t } from '../../../support/l10n.ts'
import { withProgress } from '../../progress.ts'
import { contexts } from '../counted.ts'
import { pickOne } from '../pickOne.ts'
import { type EvidenceChoice, localTime, ofSession, ofTime, serversIn, sessionsIn } from './evidenceChoice.ts'

export type Redaction = (statement: Statement, digest: string) => boolean

const HOUR = 3_600_000

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
