import type { Role } from '../contracts/signInput.ts'
import { decodeBase64url, encodeBase64url } from '../crypto/encoding.ts'
import type { SuiteName } from '../crypto/suite.ts'
import type { EvidenceEntry } from '../evidence/types.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { ALERT, alertOf } from './alerts.ts'
import type {
  ConnectionEvent,
  OutgoingContext,
  PeerIdentity,
  Session,
  TransitionStatus,
  VerifiedContext,
} from './api.ts'
import { Connection, type Ending } from './connection.ts'
import { Contexts } from './contexts/contexts.ts'
import { Deferred } from './deferred.ts'
import { Goodbye } from './goodbye.ts'
import type { Established, Opened } from './handshake/established.ts'
import { SEND_PATIENCE } from './limits.ts'
import { SessionReports } from './observing.ts'
import type { GatewayPorts, SessionPorts } from './ports.ts'
import type { ResumePosition, ResumptionSecret } from './resume/offer.ts'
import { Resumption } from './resume/resumption.ts'
import type { KeyWindow } from '../evidence/keyWindow.ts'
import { ClientLegs, GatewayLegs, type Legs } from './legs/legs.ts'
import { ClientTransitions, GatewayTransitions, type Transitions } from './transition/transitions.ts'

export type { SessionPorts } from './ports.ts'

/**
 * A session: who talks to whom, the contexts both ways, and the connection that there is now or none. A connection that is
 * lost can be followed by another one where somebody sees to that (`onInterrupted`); everything else ends the session, once,
 * with a reason.
 */
export class LiveSession implements Session {
  readonly role: Role
  readonly sid: string
  readonly suite: SuiteName
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  /** The last attempt to resume it: the gateway takes each number once. */
  attempt = 0
  /** Sees to another connection. Without one a lost connection ends the session. */
  onInterrupted: ((reason: CountersignError) => void) | undefined
  private readonly ports: SessionPorts
  private readonly reports: SessionReports
  private readonly contexts: Contexts
  private readonly transitions: Transitions
  private readonly legs: Legs
  private window: KeyWindow
  private readonly ending = new Deferred<CountersignError | undefined>()
  private readonly goodbye: Goodbye
  private connection: Connection | undefined
  private state: 'open' | 'interrupted' | 'leaving' | 'ended' = 'open'
  private readonly resumption = new Resumption()
  private lastExchange = 0
  private leaving: Promise<void> | undefined
  private reason: CountersignError | undefined

  constructor(role: Role, established: Established, ports: SessionPorts, gateway: GatewayPorts = {}) {
    const { suite, self, peer, secrets, window } = established
    this.role = role
    this.ports = ports
    this.suite = suite
    this.self = self
    this.peer = peer
    this.sid = encodeBase64url(secrets.conn)
    this.window = window
    this.reports = new SessionReports(this.sid, role, ports)
    const { observer } = this.reports
    this.contexts = new Contexts({
      role,
      sid: this.sid,
      self,
      peer,
      identity: ports.identity,
      sink: ports.sink,
      observer,
      now: () => ports.clock.now(),
      window: () => this.window,
      patience: role === 'client' ? SEND_PATIENCE : undefined,
      fail: (error, entry) => this.fail(error, entry),
      peerClosed: () => this.peerClosed(),
      handlerFailed: () => ports.log.log('error', 'the receiver of a context failed', { sid: this.sid }),
    })
    this.goodbye = new Goodbye(this.contexts)
    this.transitions =
      role === 'client'
        ? new ClientTransitions(self)
        : new GatewayTransitions({ peer, port: gateway.transitions, fail: (error) => this.fail(error) })
    this.legs = role === 'client' ? new ClientLegs((told) => observer.legs(told)) : new GatewayLegs(gateway.legs)
  }

  /**
   * Goes on over a connection, the first one or another. @param peer where the other end stands, after a resume
   * @throws SessionError alert 110 where that does not fit what was sent
   */
  attach(opened: Opened, peer?: ResumePosition): void {
    const { established, carrier, channel } = opened
    const connection = new Connection({
      role: this.role,
      established,
      carrier,
      channel,
      sid: decodeBase64url(this.sid),
      ports: this.ports,
      handlers: {
        record: (type, payload) => this.onRecord(type, payload),
        ended: (ending) => this.connectionEnded(connection, ending),
        epoch: (report) => this.reports.observer.epoch({ ...report, sid: this.sid }),
        busy: () => this.contexts.busy,
        heard: () => this.resumption.forget(),
      },
    })
    this.connection = connection
    this.state = 'open'
    this.setWindow(established.window)
    // Ready proves to the client that the gateway has the new secrets. What proves the reverse is the client's first record.
    if (this.role === 'client') this.resumption.forget()
    this.reports.connected(opened, connection.conn, peer !== undefined)
    this.contexts.resume(
      {
        send: (type, payload) => connection.send(type, payload),
        counted: (contexts) => connection.counted(contexts),
        hold: (held) => connection.hold('verification', held),
      },
      peer,
    )
    const send: Connection['send'] = (type, payload) => connection.send(type, payload)
    this.transitions.attach({ understood: established.transitions, send })
    this.legs.attach({ understood: established.legs, send })
    connection.start()
  }

  private onRecord(type: number, payload: Uint8Array): boolean {
    const { transitions, legs, contexts } = this
    return transitions.onRecord(type, payload) || legs.onRecord(type, payload) || contexts.onRecord(type, payload)
  }

  /** When the peer's key counts, as far as is known now. */
  setWindow(window: KeyWindow): void {
    this.window = window
  }

  get connected(): boolean {
    return this.connection !== undefined
  }

  get closed(): Promise<CountersignError | undefined> {
    return this.ending.promise
  }

  get over(): boolean {
    return this.state === 'ended'
  }

  /** Whether it can go on over another connection. One that says goodbye cannot: nothing may follow a signed `close`. */
  get resumable(): boolean {
    return this.state === 'open' || this.state === 'interrupted'
  }

  nextExchange(): number {
    if (this.role !== 'client') throw new CountersignError('internal', 'Only the client opens exchanges.')
    this.lastExchange += 1
    return this.lastExchange
  }

  async send(context: OutgoingContext, signal?: AbortSignal): Promise<{ readonly digest: string }> {
    // Why it ended is what the caller has to know: a network that failed is not an answer that did not verify.
    if (this.state === 'leaving' || this.state === 'ended') {
      throw this.reason ?? new CountersignError('session-closed', 'The session is closed.')
    }
    return await this.contexts.send(context, signal)
  }

  receive(handler: (context: VerifiedContext) => Promise<void> | void): void {
    this.contexts.receive(handler)
  }

  async transition(document: Uint8Array): Promise<TransitionStatus> {
    const { transitions } = this
    if (!(transitions instanceof ClientTransitions)) {
      throw new CountersignError('internal', 'Only a client tells which key follows its own.')
    }
    if (this.state === 'leaving' || this.state === 'ended') {
      throw this.reason ?? new CountersignError('session-closed', 'The session is closed.')
    }
    return await transitions.deliver(document)
  }

  close(): Promise<void> {
    this.leaving ??= this.leave()
    return this.leaving
  }

  /** Tells log and views what becomes of the connection. */
  tell(event: ConnectionEvent): void {
    this.reports.connection(event)
  }

  /** Lets go of the connection, where there still is one. Resolves to where this end stands when nothing moves any more. */
  async interrupt(error: CountersignError, alert?: number): Promise<ResumePosition> {
    const { connection } = this
    if (connection !== undefined) {
      this.connection = undefined
      this.state = 'interrupted'
      this.resumption.keep(connection.resumption())
      void connection.end(alert)
      this.tell({ kind: 'lost', sid: this.sid, at: this.ports.clock.now(), error })
    }
    return await this.contexts.suspend()
  }

  /**
   * What a resume is bound to: copies of `res` of the connection that is there or was last, and of the one before that while
   * the client has not spoken since. The caller wipes them.
   */
  get resumptionSecrets(): readonly ResumptionSecret[] {
    return [...(this.connection?.resumption() ?? []), ...this.resumption.copies()]
  }

  /** The client came back: what it is bound to is what it can come back with once more, should it miss the answer. */
  boundBy(resume: NonNullable<Established['resume']>): void {
    this.resumption.keepBound(resume)
  }

  /** Whether the peer can go on from where it says that it stands. */
  covers(peer: ResumePosition): boolean {
    return this.contexts.covers(peer)
  }

  /** Ends the session because of something that must not be: the peer gets an alert, the observer is told. */
  fail(error: unknown, entry?: EvidenceEntry): void {
    if (this.state === 'ended') return
    this.reports.failed(error, entry)
    this.end(alertOf(error), toCountersignError(error))
  }

  private connectionEnded(connection: Connection, ending: Ending): void {
    if (this.connection !== connection) return
    if (ending.kind === 'failed') return this.fail(ending.error)
    if (ending.kind === 'lost') return this.connectionLost(ending.error, ending.alert)
    if (ending.error !== undefined) return this.end(undefined, ending.error)
    this.state = 'leaving'
    void this.endVerified(undefined)
  }

  /** The peer's last statements may still be in verification: they were sent, so they belong in the journal. */
  private async endVerified(alert: number | undefined): Promise<void> {
    await this.contexts.verified()
    this.end(alert, undefined)
  }

  private connectionLost(error: CountersignError, alert: number | undefined): void {
    if (this.state === 'leaving') return void this.endVerified(alert)
    if (this.onInterrupted === undefined) return this.end(alert, error)
    void this.interrupt(error, alert)
    this.onInterrupted(error)
  }

  /** The peer will say nothing more; this end says goodbye as well. */
  private peerClosed(): void {
    this.goodbye.peerSaid()
    void this.close()
  }

  private async leave(): Promise<void> {
    if (this.state === 'open') {
      this.state = 'leaving'
      await this.goodbye.say(this.closed)
    }
    this.end(ALERT.close, undefined)
    await this.closed
  }

  /** The one way to the end. @param alert what to tell the peer; undefined where there is nobody to tell */
  end(alert: number | undefined, reason: CountersignError | undefined): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.reason = reason
    const { connection } = this
    this.connection = undefined
    this.resumption.forget()
    const closing = connection?.end(alert)
    const why = reason ?? new CountersignError('session-closed', 'The session was closed.')
    this.contexts.end(why)
    this.transitions.end(why)
    this.legs.end()
    void Promise.resolve(closing).finally(() => this.ending.resolve(reason))
  }
}
