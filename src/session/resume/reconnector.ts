import { setTimeout as sleep } from 'node:timers/promises'
import { decodeBase64url } from '../../crypto/encoding.ts'
import { wipe } from '../../crypto/random.ts'
import { CountersignError, type ErrorCode, toCountersignError } from '../../support/errors.ts'
import { ALERT, isViolation, notResumed, PeerAlert, SessionError } from '../alerts.ts'
import { RECORD } from '../channel/record.ts'
import { encodeAlertRecord } from '../contexts/messages.ts'
import type { Opened } from '../handshake/established.ts'
import { wipeEpoch } from '../handshake/keySchedule.ts'
import { RECONNECT_PATIENCE } from '../limits.ts'
import type { LiveSession } from '../liveSession.ts'
import { type OpenOptions, openConnection } from '../openConnection.ts'
import type { Acceptance, TrustPort } from '../ports.ts'
import { resumeExtension, type ResumePosition } from './offer.ts'

export interface ReconnectOptions extends OpenOptions {
  readonly random?: () => number
}

/**
 * Waiting makes these no better. All else is worth another attempt, also whatever an alert in the clear says: anybody on the
 * way can send one, and must not end the session with it.
 */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'peer-changed',
  'peer-unknown',
  'cancelled',
  'config-invalid',
  'file-unreadable',
  'file-permissions',
  'algorithm-unsupported',
  'key-planned',
  'key-retired',
  'key-revoked',
  'internal',
])
const FIRST_DELAY = 250
const LONGEST_DELAY = 15_000

/**
 * Brings a client's lost connection back: a full handshake that names the session, again and again with growing pauses, until
 * the gateway goes on with it, no longer knows it, or five minutes are over. Time in which this machine sleeps does not count.
 */
export class Reconnector {
  private readonly session: LiveSession
  private readonly options: ReconnectOptions
  private readonly ending = new AbortController()
  /** In this attempt the gateway has proven its key: what it does wrong from then on, it did itself. */
  private proven = false

  constructor(session: LiveSession, options: ReconnectOptions) {
    this.session = session
    this.options = options
  }

  watch(): void {
    this.session.onInterrupted = (reason) => void this.run(reason)
    void this.session.closed.then(() => this.ending.abort())
  }

  /** Never rejects: what cannot be brought back ends the session. */
  private async run(reason: CountersignError): Promise<void> {
    const { session, options } = this
    const deadline = options.clock.monotonic() + RECONNECT_PATIENCE
    let error = reason
    try {
      for (let tried = 0; ; tried++) {
        const position = await session.interrupt(error)
        // Jitter from the first: many editors must not come back to a restarted gateway in the same instant.
        const longest = tried === 0 ? FIRST_DELAY : Math.min(FIRST_DELAY * 2 ** tried, LONGEST_DELAY)
        const delay = longest * (0.5 + (options.random ?? Math.random)() / 2)
        if (options.clock.monotonic() + delay > deadline) return session.end(undefined, error)
        const at = options.clock.now()
        session.tell({ kind: 'waiting', sid: session.sid, at, next: at + delay, error })
        await sleep(delay, undefined, { signal: this.ending.signal, ref: false })
        try {
          return await this.attempt(position)
        } catch (thrown) {
          error = toCountersignError(thrown)
          if (thrown instanceof PeerAlert && !thrown.authenticated) continue
          if (FINAL.has(error.code)) return session.end(undefined, error)
          if (this.proven && isViolation(thrown)) return session.fail(thrown)
        }
      }
    } catch (thrown) {
      // Aborted: the session has ended. Anything else must not leave it waiting for ever.
      session.end(undefined, toCountersignError(thrown))
    }
  }

  /** @throws CountersignError of `openConnection`: this attempt failed */
  private async attempt(position: ResumePosition): Promise<void> {
    const { session, options } = this
    session.attempt += 1
    this.proven = false
    const { attempt, sid } = session
    const secrets = session.resumptionSecrets
    const offer = { sid: decodeBase64url(sid), attempt, ...position }
    const extension = (transcript: Uint8Array) => resumeExtension(offer, secrets, transcript)
    const trust: TrustPort = { checkGateway: (...asked) => this.checkGateway(...asked) }
    const { signal } = this.ending
    // The same suite, or the resume would be a way to talk a session down.
    const open = { ...options, suites: [session.suite], trust, signal }
    const { opened, answer } = await openConnection(open, { sid, extension }).finally(() =>
      secrets.forEach(({ secret }) => wipe(secret)),
    )
    if (session.over || answer === null || answer === false) {
      abandon(opened)
      return session.end(undefined, notResumed())
    }
    if (!session.covers(answer)) {
      abandon(opened)
      return session.fail(
        new SessionError(ALERT.badStatement, 'The gateway goes on with another history of this session.'),
      )
    }
    session.attach(opened, answer)
  }

  private async checkGateway(...[peer, transition]: Parameters<TrustPort['checkGateway']>): Promise<Acceptance> {
    if (peer.kid !== this.session.peer.kid) {
      throw new CountersignError(
        'peer-changed',
        'The gateway that answers has another key than the one of this session.',
      )
    }
    this.proven = true
    return await this.options.trust.checkGateway(peer, transition)
  }
}

/** A connection that nothing will be sent on: the gateway is told, without a signature. */
function abandon({ channel, carrier, established }: Opened): void {
  void channel
    .send(RECORD.Alert, encodeAlertRecord(ALERT.close, ''))
    .catch(() => {})
    .then(() => carrier.close())
    .catch(() => {})
  channel.wipe()
  wipeEpoch(established.secrets)
}
