import { parseStatement } from '../evidence/statement.ts'
import type { EvidenceEntry } from '../evidence/types.ts'
import type { Log } from '../support/log.ts'
import type { Role } from '../contracts/signInput.ts'
import type { CountersignError } from '../support/errors.ts'
import type { ConnectionEvent, Rejection, SessionObserver } from './api.ts'

/** The observer behind a wall: a view that throws must not end the session that it watches, nor change its course. */
export function guarded(observer: SessionObserver, log: Log): Required<SessionObserver> {
  const call = (notify: () => void): void => {
    try {
      notify()
    } catch {
      log.log('warn', 'an observer of a session failed')
    }
  }
  return {
    handshake: (report) => call(() => observer.handshake?.(report)),
    epoch: (report) => call(() => observer.epoch?.(report)),
    connection: (event) => call(() => observer.connection?.(event)),
    pending: (pending) => call(() => observer.pending?.(pending)),
    settled: (ref, outcome) => call(() => observer.settled?.(ref, outcome)),
    evidence: (entry) => call(() => observer.evidence?.(entry)),
    rejected: (rejection) => call(() => observer.rejected?.(rejection)),
    legs: (told) => call(() => observer.legs?.(told)),
  }
}

/** What becomes of a connection, for the log. */
export function logConnection(log: Log, event: ConnectionEvent): void {
  const { sid, kind } = event
  if (kind === 'resumed') return log.log('info', 'a session goes on over another connection', { sid })
  const { code, message } = event.error
  if (kind === 'lost') log.log('warn', 'a connection was lost', { sid, code, reason: message })
  else log.log('debug', 'a lost connection is tried again', { sid, in: event.next - event.at, code })
}

export interface Violation {
  readonly sid: string
  /** Of the end that noticed. */
  readonly role: Role
  readonly at: number
  readonly alert: number
  readonly error: CountersignError
}

/** What an observer is told of a peer that did what must not be. */
export function rejectionOf({ role, ...violation }: Violation, entry: EvidenceEntry | undefined): Rejection {
  const direction = role === 'client' ? 's2c' : 'c2s'
  return { ...violation, direction, ...claimOf(entry), ...(entry !== undefined && { entry }) }
}

/** What a statement that did not verify says of itself, for people. */
function claimOf(entry: EvidenceEntry | undefined): Pick<Rejection, 'claimed'> {
  if (entry === undefined) return {}
  try {
    const { server, method, seq, ctx } = parseStatement(entry.statement)
    return { claimed: { server, seq, length: ctx.length, ...(method === undefined ? {} : { method }) } }
  } catch {
    return {}
  }
}
