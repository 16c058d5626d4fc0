import { setMaxListeners } from 'node:events'
import { decodeBase64url } from '../crypto/encoding.ts'
import type { SuiteName } from '../crypto/suite.ts'
import { toCountersignError } from '../support/errors.ts'
import { ALERT, alertOf } from './alerts.ts'
import type { Session } from './api.ts'
import type { Carrier } from './carrier/carrier.ts'
import { connectionsOf, type Listening, listenWebSocket } from './carrier/webSocketServer.ts'
import { Channel } from './channel/channel.ts'
import { RECORD } from './channel/record.ts'
import { encodeReady } from './contexts/messages.ts'
import { Admission, DEFAULT_LIMITS, type HandshakeLimits } from './handshake/admission.ts'
import { Deadline } from './handshake/deadline.ts'
import type { Opened } from './handshake/established.ts'
import { Flights } from './handshake/flights.ts'
import { wipeEpoch } from './handshake/keySchedule.ts'
import { encodeAlert } from './handshake/messages.ts'
import { Responder } from './handshake/responder.ts'
import { HANDSHAKE_TIMEOUT } from './limits.ts'
import { LiveSession, type SessionPorts } from './liveSession.ts'
import type { ClientPort, GatewayPorts } from './ports.ts'
import { DEFAULT_SESSIONS, type SessionLimits, SessionTable } from './resume/sessionTable.ts'
import { watchStanding } from './standing.ts'

export interface AcceptOptions extends SessionPorts, GatewayPorts {
  /** What is allowed, in any order: the first suite of the client's offer that is, is taken. */
  readonly suites: readonly SuiteName[]
  readonly clients: ClientPort
  /** The document by which this gateway's own key follows another one, exact bytes. */
  readonly transition?: Uint8Array | undefined
  /** The limits that this connection shares with others of its gateway. Without it nothing limits it (stdio). */
  readonly admission?: Admission
  readonly signal?: AbortSignal
  /** Milliseconds from the connection to Ready. Default 10 000. */
  readonly timeout?: number
}

/**
 * Runs the gateway's handshake on a carrier. Resolves when Ready was sent.
 * @throws CountersignError; the client has been told by an alert, and the carrier is closed
 */
export async function acceptSession(options: AcceptOptions & { readonly carrier: Carrier }): Promise<Session> {
  return (await acceptConnection(options)).session
}

/** The same where sessions outlive their connections: this one may be one more of a session of the table. */
export async function acceptConnection(
  options: AcceptOptions & { readonly carrier: Carrier },
  sessions?: SessionTable,
): Promise<{ readonly session: Session; readonly resumed: boolean }> {
  const { carrier, identity, suites, clients, clock, admission, transition } = options
  const deadline = new Deadline(options.timeout ?? HANDSHAKE_TIMEOUT, options.signal)
  const flights = new Flights(carrier, deadline.signal)
  try {
    const where = { address: carrier.address, loopback: carrier.loopback }
    const legs = options.legs !== undefined
    const handshake = { identity, suites, clients, where, clock, admission, transition, legs }
    const established = await new Responder(handshake, flights, deadline).run()
    const channel = new Channel(carrier, established.secrets, 'server')
    try {
      return await begin({ established, carrier, channel, ready: 0 }, options, sessions, deadline.signal)
    } catch (thrown) {
      channel.wipe()
      wipeEpoch(established.secrets)
      throw thrown
    }
  } catch (thrown) {
    // Whatever was interrupted by the deadline says only that it was interrupted.
    const error = deadline.signal.aborted ? toCountersignError(deadline.signal.reason) : toCountersignError(thrown)
    await flights.alert(alertOf(error), '')
    await carrier.close().catch(() => {})
    throw error
  } finally {
    deadline.dispose()
  }
}

/** The session that the connection belongs to, another one's or a new one; the client is told which by Ready. */
async function begin(
  opened: Opened,
  options: AcceptOptions,
  sessions: SessionTable | undefined,
  signal: AbortSignal,
): Promise<{ readonly session: Session; readonly resumed: boolean }> {
  const { established, channel } = opened
  const found = sessions?.find(established)
  const position = found === undefined ? undefined : await sessions?.takeOver(found, established)
  signal.throwIfAborted()
  // Between two turns another attempt may have begun to take it over, or somebody closed it.
  const stillOurs = found?.resumable === true && found.attempt === established.resume?.offer.attempt
  const goesOn = stillOurs && position !== undefined
  if (!goesOn) sessions?.checkRoom(established.peer.kid)
  const session = goesOn ? found : new LiveSession('server', established, options, options)
  if (!goesOn) watchStanding(session, options.clients, options.log)
  const payload = encodeReady({
    serverTime: options.clock.now(),
    sid: decodeBase64url(session.sid),
    resumed: goesOn ? position : established.resume === undefined ? null : false,
  })
  // Sealed at once: nothing can be sent on the connection before it. Where it does not leave, the connection ends by itself.
  channel.send(RECORD.Ready, payload).catch(() => {})
  if (goesOn) sessions?.release(session)
  else sessions?.add(session)
  session.attach({ ...opened, ready: payload.length }, goesOn ? established.resume?.offer : undefined)
  return { session, resumed: goesOn }
}

export interface GatewayOptions extends Omit<AcceptOptions, 'admission'> {
  /** `ws://host:port`, port 0 for a free one. */
  readonly listen: string
  /** Allows addresses beyond loopback. */
  readonly allowNetwork?: boolean
  /** Default 10 handshake signatures a second per address, 50 in all, 64 half-open handshakes. */
  readonly handshakes?: Partial<HandshakeLimits>
  /** Default 64 sessions of one client and 1000 in all that have a connection. */
  readonly sessionLimits?: Partial<SessionLimits>
  readonly onSession: (session: Session) => void
}

/** A gateway's WebSocket endpoint: every connection becomes a session or goes away. */
export class GatewayListener {
  private readonly options: GatewayOptions
  private readonly sessions: SessionTable
  private readonly ending = new AbortController()
  private readonly admission: Admission
  private readonly connections: number
  private listening: Listening | undefined

  private constructor(options: GatewayOptions) {
    this.options = options
    const limits = { ...DEFAULT_LIMITS, ...options.handshakes }
    this.admission = new Admission(options.clock, limits)
    const sessionLimits = { ...DEFAULT_SESSIONS, ...options.sessionLimits }
    this.sessions = new SessionTable(sessionLimits)
    this.connections = connectionsOf(sessionLimits.total, limits.halfOpen)
    // Every handshake listens for the end of the gateway. More than ten are no leak here.
    setMaxListeners(limits.halfOpen, this.ending.signal)
  }

  /** @throws CountersignError `config-invalid`, `gateway-unreachable` */
  static async listen(options: GatewayOptions): Promise<GatewayListener> {
    const gateway = new GatewayListener(options)
    const { listen: url, allowNetwork = false } = options
    gateway.listening = await listenWebSocket({
      url,
      allowNetwork,
      connections: gateway.connections,
      onCarrier: (carrier) => void gateway.accept(carrier),
    })
    return gateway
  }

  /** With the port that was taken. */
  get url(): string {
    return this.listening?.url ?? this.options.listen
  }

  /** Closes every session in order, then the endpoint. */
  async close(): Promise<void> {
    this.ending.abort()
    await Promise.all(this.sessions.all().map((session) => session.close()))
    await this.listening?.close()
  }

  /** Never rejects. */
  private async accept(carrier: Carrier): Promise<void> {
    if (this.ending.signal.aborted) return void carrier.close()
    // Each one costs some memory before it has proven anything.
    const { admission } = this
    if (!admission.enter()) {
      // Not waited for: closing sends what was handed over, and a peer that does not read is nobody's concern.
      carrier.send(encodeAlert(ALERT.limit, '').bytes).catch(() => {})
      return void carrier.close()
    }
    try {
      const { signal } = this.ending
      const { session, resumed } = await acceptConnection(
        { ...this.options, carrier, admission, signal },
        this.sessions,
      )
      if (!resumed) this.options.onSession(session)
    } catch (error) {
      const { code, message } = toCountersignError(error)
      this.options.log.log('warn', 'a connection was refused', { address: carrier.address, code, reason: message })
    } finally {
      admission.leave()
    }
  }
}
