import { wipe } from '../../crypto/random.ts'
import type { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { Established } from '../handshake/established.ts'
import { MAX_INTERRUPTED, MAX_INTERRUPTED_EACH, MAX_SESSIONS, MAX_SESSIONS_EACH, RESUME_WINDOW } from '../limits.ts'
import type { LiveSession } from '../liveSession.ts'
import { isBound, type ResumePosition } from './offer.ts'

interface Kept {
  readonly timer: NodeJS.Timeout
  readonly reason: CountersignError
}

export interface SessionLimits {
  /** Sessions of one client that have a connection. */
  readonly perClient: number
  /** The same for all clients together. */
  readonly total: number
}

export const DEFAULT_SESSIONS: SessionLimits = { perClient: MAX_SESSIONS_EACH, total: MAX_SESSIONS }

/** The sessions of a gateway, by sid, and for how long it keeps those that have lost their connection. */
export class SessionTable {
  private readonly limits: SessionLimits
  private readonly sessions = new Map<string, LiveSession>()
  /** In the order in which they lost their connection. */
  private readonly interrupted = new Map<LiveSession, Kept>()

  constructor(limits = DEFAULT_SESSIONS) {
    this.limits = limits
  }

  /**
   * Before a session begins. Each may hold its credit of contexts, so no client has any number of them. One that is resumed
   * was counted when it began.
   * @throws SessionError alert 115
   */
  checkRoom(kid: string): void {
    const { perClient, total } = this.limits
    const connected = this.all().filter((session) => !this.interrupted.has(session))
    const own = connected.filter(({ peer }) => peer.kid === kid)
    if (own.length >= perClient) {
      throw new SessionError(ALERT.limit, 'There are as many sessions of this client as this gateway serves.')
    }
    if (connected.length >= total) {
      throw new SessionError(ALERT.limit, 'There are as many sessions as this gateway serves.')
    }
  }

  add(session: LiveSession): void {
    this.sessions.set(session.sid, session)
    session.onInterrupted = (reason) => this.keep(session, reason)
    void session.closed.then(() => {
      this.sessions.delete(session.sid)
      this.release(session)
    })
  }

  all(): readonly LiveSession[] {
    return Array.from(this.sessions.values())
  }

  /** The session that a client asks for, if this client may have it. Nothing is changed by asking. */
  find({ suite, self, peer, resume }: Established): LiveSession | undefined {
    if (resume === undefined) return undefined
    const { offer, transcript } = resume
    const session = this.sessions.get(Buffer.from(offer.sid).toString('base64url'))
    if (session?.resumable !== true) return undefined
    // Without the comparison of kids anybody who saw a sid would get the answers; without that of suites it is a downgrade.
    const same = session.peer.kid === peer.kid && session.self.kid === self.kid && session.suite === suite
    if (!same || offer.attempt <= session.attempt || !session.covers(offer)) return undefined
    const secrets = session.resumptionSecrets
    const bound = isBound(offer, secrets, transcript)
    for (const { secret } of secrets) wipe(secret)
    return bound ? session : undefined
  }

  /**
   * Takes a session over for a new connection, once: the old connection is fenced and wiped, what it had begun is finished or
   * dropped, and only then does the gateway read its own position.
   * @returns undefined where another attempt was faster, or the session ended meanwhile
   */
  async takeOver(session: LiveSession, { resume }: Established): Promise<ResumePosition | undefined> {
    if (resume === undefined) return undefined
    const { attempt } = resume.offer
    if (attempt <= session.attempt) return undefined
    // In the same turn as the comparison: of two that come at once the second finds its number used.
    session.attempt = attempt
    const reason = new SessionError(ALERT.close, 'The client came back on another connection.', {
      code: 'session-closed',
    })
    // Until the new connection is there it is one that has none, and not kept longer than others.
    this.keep(session, reason)
    const position = await session.interrupt(reason)
    if (session.over || session.attempt !== attempt) return undefined
    if (session.covers(resume.offer)) {
      session.boundBy(resume)
      return position
    }
    session.end(undefined, reason)
    return undefined
  }

  /** It has a connection again. */
  release(session: LiveSession): void {
    clearTimeout(this.interrupted.get(session)?.timer)
    this.interrupted.delete(session)
  }

  /** It has lost its connection: it waits for its client, but not for ever, and not in any number. */
  keep(session: LiveSession, reason: CountersignError): void {
    this.release(session)
    const timer = setTimeout(() => session.end(undefined, reason), RESUME_WINDOW).unref()
    this.interrupted.set(session, { timer, reason })
    const own = Array.from(this.interrupted.keys()).filter(({ peer }) => peer.kid === session.peer.kid)
    if (own.length > MAX_INTERRUPTED_EACH) this.evict(own[0])
    else if (this.interrupted.size > MAX_INTERRUPTED) this.evict(this.interrupted.keys().next().value)
  }

  private evict(session: LiveSession | undefined): void {
    if (session !== undefined) session.end(undefined, this.interrupted.get(session)?.reason)
  }
}
