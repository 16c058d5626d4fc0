import type { Role } from '../contracts/signInput.ts'
import { encodeBase64url } from '../crypto/encoding.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import { ALERT, alertOf, peerAlert, SessionError } from './alerts.ts'
import type { EpochReport } from './api.ts'
import type { Carrier } from './carrier/carrier.ts'
import type { Channel } from './channel/channel.ts'
import { RECORD, type RecordType } from './channel/record.ts'
import { encodeAlertRecord, parseAlertRecord } from './contexts/messages.ts'
import type { Established } from './handshake/established.ts'
import { Heartbeat } from './heartbeat.ts'
import { FAREWELL_TIMEOUT } from './limits.ts'
import type { SessionPorts } from './ports.ts'
import { ClientRekey } from './rekey/clientRekey.ts'
import { EpochUse, REKEY_POLICY } from './rekey/epochUse.ts'
import { GatewayRekey } from './rekey/gatewayRekey.ts'
import type { Rekey } from './rekey/rekey.ts'
import type { ResumptionSecret } from './resume/offer.ts'

/** Why a connection ended, as far as it did so by itself. */
export type Ending =
  /** The network, or a limit of time: the session may go on over another connection. */
  | { readonly kind: 'lost'; readonly error: CountersignError; readonly alert: number | undefined }
  /** The peer ended the session by an alert; `undefined` where it said goodbye. */
  | { readonly kind: 'peer'; readonly error: CountersignError | undefined }
  /** The peer, or somebody on the way, did what the protocol forbids, or something failed here. */
  | { readonly kind: 'failed'; readonly error: unknown }

export interface ConnectionHandlers {
  /** A record of contexts: Fragment, Batch, Ack, Window, Abort. Whether it was one. @throws what ends the connection */
  record(type: number, payload: Uint8Array): boolean
  /** Called once, unless `end` was called before. The handler calls `end`, with the alert that the peer is to get. */
  ended(ending: Ending): void
  epoch(report: Omit<EpochReport, 'sid'>): void
  /** Whether an answer of the peer is awaited. */
  busy(): boolean
  /** A record of the peer came: it has these keys, so it has heard all of the handshake. */
  heard(): void
}

export interface ConnectionOptions {
  readonly role: Role
  readonly established: Established
  readonly carrier: Carrier
  readonly channel: Channel
  /** Of the session, 48 bytes. */
  readonly sid: Uint8Array
  readonly ports: SessionPorts
  readonly handlers: ConnectionHandlers
}

/** One connection after its handshake: sealed records, epochs, heartbeat. It ends once, and whatever ends it wipes its keys. */
export class Connection {
  readonly conn: string
  private readonly carrier: Carrier
  private readonly channel: Channel
  private readonly handlers: ConnectionHandlers
  private readonly heartbeat: Heartbeat
  private readonly use: EpochUse
  private readonly rekey: Rekey
  private readonly holds = new Set<string>()
  private over = false

  constructor(options: ConnectionOptions) {
    const { role, established, carrier, channel, sid, ports, handlers } = options
    const { suite, secrets, transcript, self, peer } = established
    const { clock, identity } = ports
    this.conn = encodeBase64url(secrets.conn)
    this.carrier = carrier
    this.channel = channel
    this.handlers = handlers
    this.use = new EpochUse(clock, ports.rekey ?? REKEY_POLICY)
    const RekeyOfRole = role === 'client' ? ClientRekey : GatewayRekey
    this.rekey = new RekeyOfRole({
      suite,
      sid,
      conn: secrets.conn,
      transcript,
      secrets,
      self,
      peer,
      identity,
      channel,
      clock,
      use: this.use,
      fail: (error) => this.fail(error),
      hold: (held) => this.hold('rekey', held),
      begun: (report) => handlers.epoch({ ...report, conn: this.conn }),
    })
    this.heartbeat = new Heartbeat({
      clock,
      send: (type, payload) => this.send(type, payload),
      lost: (error) => this.lost(error),
      busy: () => handlers.busy(),
    })
  }

  /** Takes the carrier over from the handshake. */
  start(): void {
    this.carrier.onFrame((frame) => this.onFrame(frame))
    void this.carrier.closed.then((reason) => this.lost(reason ?? brokenOff()))
    this.heartbeat.start()
    this.carrier.resume()
  }

  /** Sends one record. Where it rejects, the connection has ended. */
  async send(type: RecordType, payload: Uint8Array): Promise<void> {
    try {
      // Before it leaves: keys that are overdue carry nothing more.
      if (isTraffic(type)) this.traffic(payload.length)
      await this.channel.send(type, payload)
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Statements were sent or received: they count towards the limits of the epoch. */
  counted(contexts: number): void {
    this.use.add(0, contexts)
  }

  /** Stops taking records for a reason, or lets go of that reason. */
  hold(why: 'rekey' | 'verification', held: boolean): void {
    if (held) this.holds.add(why)
    else this.holds.delete(why)
    if (this.over) return
    if (this.holds.size > 0) this.carrier.pause()
    else this.carrier.resume()
  }

  /** What a resume of this connection's session proves itself with. To be asked for before `end`; the caller wipes it. */
  resumption(): ResumptionSecret[] {
    return this.rekey.resumption()
  }

  /** The one way to the end. @param alert what to tell the peer; undefined where there is nobody to tell */
  async end(alert: number | undefined): Promise<void> {
    if (this.over) return
    this.over = true
    const farewell =
      alert === undefined ? Promise.resolve() : this.channel.send(RECORD.Alert, encodeAlertRecord(alert, ''))
    this.channel.wipe()
    this.rekey.end()
    this.heartbeat.stop()
    // A peer that reads no more, or a network that is gone, must not keep this end from ending.
    const patience = new Promise<void>((resolve) => setTimeout(resolve, FAREWELL_TIMEOUT).unref())
    await Promise.race([farewell, patience]).catch(() => {})
    await this.carrier.close().catch(() => {})
  }

  private onFrame(frame: Uint8Array): void {
    if (this.over) return
    try {
      const { type, payload } = this.channel.open(frame)
      this.heartbeat.heard()
      this.handlers.heard()
      if (this.rekey.onRecord(type, payload) || this.heartbeat.onRecord(type, payload)) return
      if (type === RECORD.Alert) return this.onAlert(payload)
      // Ready a second time, and what a later version may have added.
      if (!this.handlers.record(type, payload)) {
        throw new SessionError(ALERT.unexpectedMessage, 'A record came that has no place here.')
      }
      if (isTraffic(type)) this.traffic(payload.length)
    } catch (error) {
      this.fail(error)
    }
  }

  private onAlert(payload: Uint8Array): void {
    const { code } = parseAlertRecord(payload)
    const error = code === ALERT.close ? undefined : peerAlert(code, true)
    if (error !== undefined && RESUMABLE.includes(code)) this.lost(error)
    else this.handlers.ended({ kind: 'peer', error })
  }

  private traffic(bytes: number): void {
    this.use.add(bytes, 0)
    this.heartbeat.traffic()
    this.rekey.traffic()
  }

  private lost(error: CountersignError, alert?: number): void {
    if (!this.over) this.handlers.ended({ kind: 'lost', error, alert })
  }

  private fail(error: unknown): void {
    if (this.over) return
    const alert = alertOf(error)
    // A carrier that broke says `session-closed`; it is no violation of anybody.
    const networkOnly = toCountersignError(error).code === 'session-closed'
    if (networkOnly) this.lost(toCountersignError(error))
    else if (RESUMABLE.includes(alert)) this.lost(toCountersignError(error), alert)
    else this.handlers.ended({ kind: 'failed', error })
  }
}

/** Alerts that end a connection and not its session: keys or signer are the trouble, not what the peer does. */
const RESUMABLE: readonly number[] = [ALERT.signerUnavailable, ALERT.rekeyRequired]

function isTraffic(type: number): boolean {
  return type === RECORD.Fragment || type === RECORD.Batch
}

function brokenOff(): CountersignError {
  return new SessionError(ALERT.close, 'The connection was lost.', { code: 'session-closed' })
}
