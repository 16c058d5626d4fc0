import type { Finding, SessionReport, Summary } from '../evidence/offline.ts'
import { printable, shownTime } from './printable.ts'

const WORDS = { holds: 'holds     ', false: 'FALSE     ', incomplete: 'incomplete' } as const

/** A finding as one line for people: verdict, place, what it is about, and why. */
export function lineOf({ file, line, state, notes, record, session, manifest }: Finding): string {
  const place = file === '' ? 'all files' : `${printable(file, 500)}${line === 0 ? '' : `:${line}`}`
  const parts = [`${WORDS[state]} ${place}`]
  if (record !== undefined) parts.push(recordText(record))
  if (manifest !== undefined) parts.push(manifestText(manifest))
  if (session !== undefined) parts.push(sessionText(session))
  for (const note of notes) parts.push(printable(note, 300))
  return parts.join(' · ')
}

function recordText({ how, kid, custody, statement }: NonNullable<Finding['record']>): string {
  const signer = `by ${printable(kid, 43)} (${custody ?? 'custody not known'})`
  if (statement === undefined) return `${how}, ${signer}`
  const { dir, seq, kind, server, method, id, exchange, ctx, ts } = statement
  const what = method === undefined ? kind : `${kind} ${printable(method)}`
  const which = id === undefined ? '' : `, id ${printable(id)}`
  return `${dir} ${seq} ${what} · ${server}, exchange ${exchange}${which} · ${ctx.length} B · ${shownTime(ts)} · ${how} ${signer}`
}

function manifestText({ kid, at, records, redacted }: NonNullable<Finding['manifest']>): string {
  const counted = `${records} records, ${redacted} redacted`
  return `manifest · ${counted} · ${shownTime(at)} · put together by ${printable(kid, 43)}`
}

function sessionText({ sid, directions, handshakes, bound }: SessionReport): string {
  const handshake = bound
    ? [`${handshakes} ${handshakes === 1 ? 'handshake' : 'handshakes'}, the first is the session's`]
    : []
  return [`session ${sid}`, ...directions.map(directionText), ...handshake].join(' · ')
}

/** What was read of a direction, and its receipts: what the other end acknowledged, and how many of these it never did. */
function directionText({ dir, statements, ...rest }: SessionReport['directions'][number]): string {
  const { closed, acknowledged, unacknowledged, kid } = rest
  const receipts = `acknowledged up to ${acknowledged === 0 ? 'none' : acknowledged - 1}`
  const never = unacknowledged === 0 ? '' : `, never ${unacknowledged}`
  const by = kid === undefined ? '' : `, by ${printable(kid, 43)}`
  return `${dir} ${statements} statements${closed ? ', closed' : ''}, ${receipts}${never}${by}`
}

export function summaryOf(summary: Summary, trusting: boolean): string {
  const { files, sessions, records, redacted, holds, incomplete, exitCode } = summary
  const counted = `${records} records of ${sessions} sessions in ${files} files`
  const verdict = { 0: 'All holds.', 1: 'Something is false.', 2: 'Incomplete.' }[exitCode]
  const removed = redacted === 0 ? '' : ` ${redacted} are redacted.`
  const signers = trusting ? '' : ' No signer was compared with anything: name the keys that you trust with --trust.'
  return `${verdict} ${counted}: ${holds} hold, ${summary.false} false, ${incomplete} incomplete.${removed}${signers}`
}
