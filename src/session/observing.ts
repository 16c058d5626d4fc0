import { parseStatement } from '../evidence/statement.ts'
import type { EvidenceEntry } from '../evidence/types.ts'
import type { Log } from '../support/log.ts'
import type { Role } from '../contracts/signInput.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import { alertOf, isViolation } from './alerts.ts'
import type { ConnectionEvent, HandshakeReport, Rejection, SessionObserver } from './api.ts'
import type { Opened } from './handshake/established.ts'
import type { SessionPorts } from './ports.ts'

/** What is told of a session: to views, to the log, and of its handshakes to the journal. Nothing here changes its course. */
export class SessionReports {
  readonly observer: Required<SessionObserver>
  private readonly sid: string
  private readonly role: Role
  private readonly ports: SessionPorts

  constructor(sid: string, role: Role, ports: SessionPorts) {
    this.sid = sid
    this.role = role
    this.ports = ports
    this.observer = guarded(ports.observer, ports.log)
  }

  /** A connection is there. @param resumed it is not the first one */
  connected({ established, ready }: Opened, conn: string, resumed: boolean): void {
    const { sid, ports } = this
    const { recorder, secrets, transcript, suite } = established
    recorder.message('Ready', 'server', ready, [{ label: 'server time, session id', bytes: ready, sealed: true }])
    const report = recorder.report({ conn: secrets.conn, sid, suite, transcript })
    this.observer.handshake(report)
    this.note(report)
    if (resumed) this.connection({ kind: 'resumed', sid, at: ports.clock.now(), conn })
  }

  /** What becomes of the connection. */
  connection(event: ConnectionEvent): void {
    logConnection(this.ports.log, event)
    this.observer.connection(event)
  }

  /** Something that must not be, by which the session ends. @param entry the evidence that did not hold */
  failed(error: unknown, entry: EvidenceEntry | undefined): void {
    const { sid, role, ports } = this
    const reason = toCountersignError(error)
    const alert = alertOf(error)
    ports.log.log('warn', 'a session ended', { sid, alert, code: reason.code, reason: reason.message })
    if (!isViolation(error)) return
    this.observer.rejected(rejectionOf({ sid, role, at: ports.clock.now(), alert, error: reason }, entry))
  }

  private note({ sid, conn, transcript, suite }: HandshakeReport): void {
    const { sink, clock } = this.ports
    // A journal that cannot be written says so to the first context, which must not pass.
    sink.handshake?.({ sid, conn, transcript, suite, at: clock.now() }).catch(() => {})
  }
}

/** The observer behind a wall: a view that throws must not end the session that it watches, nor change its course. */
function guarded(observer: SessionObserver, log: Log): Required<SessionObserver> {
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
function logConnection(log: Log, event: ConnectionEvent): void {
  const { sid, kind } = event
  if (kind === 'resumed') return log.log('info', 'a session goes on over another connection', { sid })
  const { code, message } = event.error
  if (kind === 'lost') log.log('warn', 'a connection was lost', { sid, code, reason: message })
  else log.log('debug', 'a lost connection is tried again', { sid, in: event.next - event.at, code })
}

interface Violation {
  readonly sid: string
  /** Of the end that noticed. */
  readonly role: Role
  readonly at: number
  readonly alert: number
  readonly error: CountersignError
}

/** What an observer is told of a peer that did what must not be. */
function rejectionOf({ role, ...violation }: Violation, entry: EvidenceEntry | undefined): Rejection {
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
