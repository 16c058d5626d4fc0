import { encodeBase64url } from '../crypto/encoding.ts'
import { generateHybridKey, type HybridKey, type SuiteName } from '../crypto/suite.ts'
import { toCountersignError } from '../support/errors.ts'
import { ALERT, alertOf, isViolation, peerAlert, SessionError } from './alerts.ts'
import type { Carrier } from './carrier/carrier.ts'
import { Channel } from './channel/channel.ts'
import { RECORD } from './channel/record.ts'
import { encodeAlertRecord, parseAlertRecord, parseReady, type Ready } from './contexts/messages.ts'
import { Deadline } from './handshake/deadline.ts'
import type { Established, Opened } from './handshake/established.ts'
import type { Extension } from './handshake/extensions.ts'
import { Flights } from './handshake/flights.ts'
import { Initiator, offerOf } from './handshake/initiator.ts'
import { wipeEpoch } from './handshake/keySchedule.ts'
import { CLOCK_SKEW, HANDSHAKE_TIMEOUT, MAX_FLIGHT } from './limits.ts'
import type { SessionPorts, TrustPort } from './ports.ts'
import type { ResumeAnswer } from './resume/offer.ts'

export interface OpenOptions extends Pick<SessionPorts, 'identity' | 'clock'> {
  /** A connected carrier, or how to connect one. */
  readonly carrier: Carrier | (() => Promise<Carrier>)
  /** In order of preference. */
  readonly suites: readonly SuiteName[]
  readonly trust: TrustPort
  readonly signal?: AbortSignal
  /** Milliseconds from ClientHello to Ready, without the time that a person is asked. Default 10 000. */
  readonly timeout?: number
}

/** The session that a connection shall go on with. */
export interface Resuming {
  /** Base64url of 48 bytes. */
  readonly sid: string
  readonly extension: (transcript: Uint8Array) => Extension
}

/**
 * The client's way from nothing to Ready: carrier, handshake, first record.
 * @throws CountersignError `gateway-unreachable`, `handshake-timeout`, `session-refused`, `peer-unknown`, `peer-changed`,
 *   `peer-protocol`, `signer-unavailable`, `cancelled`, `session-closed`; then the gateway has been told and nothing is left
 */
export async function openConnection(
  options: OpenOptions,
  resuming?: Resuming,
): Promise<{ readonly opened: Opened; readonly answer: ResumeAnswer }> {
  const { identity, suites, trust, clock } = options
  const { carrier, key } = await connect(options)
  const deadline = new Deadline(options.timeout ?? HANDSHAKE_TIMEOUT, options.signal)
  const flights = new Flights(carrier, deadline.signal)
  let established: Established | undefined
  let channel: Channel | undefined
  try {
    const resume = resuming?.extension
    const handshake = { identity, suites, trust, clock, key, ...(resume !== undefined && { resume }) }
    established = await new Initiator(handshake, flights, deadline).run()
    channel = new Channel(carrier, established.secrets, 'client')
    const frame = await flights.receive(MAX_FLIGHT)
    const answer = checkReady(readReady(channel, frame), established, clock.now(), resuming)
    return { opened: { established, carrier, channel, ready: frame.length }, answer }
  } catch (thrown) {
    // Whatever was interrupted by the deadline says only that it was interrupted.
    const error = deadline.signal.aborted ? toCountersignError(deadline.signal.reason) : toCountersignError(thrown)
    // The gateway may have gone over to this connection by now, and an alert would end the session that the next one resumes.
    const goesOn = resuming !== undefined && options.signal?.aborted !== true && !isViolation(thrown)
    if (channel === undefined) await flights.alert(alertOf(error), '')
    else if (!goesOn) await channel.send(RECORD.Alert, encodeAlertRecord(alertOf(error), '')).catch(() => {})
    if (established !== undefined) wipeEpoch(established.secrets)
    channel?.wipe()
    await carrier.close().catch(() => {})
    throw error
  } finally {
    deadline.dispose()
  }
}

/** The key of the shares, which are the first thing that is said, is made while the carrier connects. */
async function connect(options: OpenOptions): Promise<{ readonly carrier: Carrier; readonly key?: HybridKey }> {
  if (typeof options.carrier !== 'function') return { carrier: options.carrier }
  const [suite] = offerOf(options)
  const connecting = options.carrier()
  // Without a key the handshake makes one, or says why it cannot.
  const making = suite === undefined ? undefined : generateHybridKey(suite).catch(() => undefined)
  try {
    const carrier = await connecting
    const key = await making
    return key === undefined ? { carrier } : { carrier, key }
  } catch (error) {
    void making?.then((key) => key?.wipe())
    throw error
  }
}

function readReady(channel: Channel, frame: Uint8Array): Ready {
  const { type, payload } = channel.open(frame)
  if (type === RECORD.Alert) throw peerAlert(parseAlertRecord(payload).code, true)
  if (type !== RECORD.Ready) throw new SessionError(ALERT.unexpectedMessage, 'A record came before Ready.')
  return parseReady(payload)
}

function checkReady(
  { serverTime, sid, resumed }: Ready,
  { secrets }: Established,
  now: number,
  resuming: Resuming | undefined,
): ResumeAnswer {
  if ((resuming === undefined) !== (resumed === null)) {
    throw new SessionError(ALERT.unexpectedMessage, 'The gateway resumed what was not asked for, or did not say.')
  }
  const goesOn = resuming !== undefined && resumed !== null && resumed !== false
  if (encodeBase64url(sid) !== (goesOn ? resuming.sid : encodeBase64url(secrets.conn))) {
    throw new SessionError(ALERT.unexpectedMessage, 'The gateway named another session.')
  }
  if (Math.abs(serverTime - now) > CLOCK_SKEW) {
    throw new SessionError(
      ALERT.clockSkew,
      'The clocks of this machine and of the gateway differ by more than two minutes.',
    )
  }
  return resumed
}
