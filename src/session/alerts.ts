import { CountersignError, type ErrorCode } from '../support/errors.ts'
import { said, type Sentence } from '../support/l10n.ts'

/** The alert registry of docs/PROTOCOL.md. An alert is one byte; every alert but `close` ends the connection at once. */
export const ALERT = {
  close: 0,
  unexpectedMessage: 10,
  badRecord: 20,
  decode: 21,
  overflow: 22,
  noCommonSuite: 40,
  badIdentity: 42,
  unsupportedExtension: 43,
  revoked: 44,
  expired: 45,
  badSignature: 51,
  version: 70,
  internal: 80,
  cookieRequired: 100,
  badStatement: 110,
  replay: 111,
  clockSkew: 112,
  signerUnavailable: 113,
  rekeyRequired: 114,
  limit: 115,
} as const

export type Alert = (typeof ALERT)[keyof typeof ALERT]

const MEANING: { readonly [alert: number]: readonly [ErrorCode, Sentence] } = {
  0: ['session-closed', said('the session was closed')],
  10: ['peer-protocol', said('a message came out of turn')],
  20: ['peer-protocol', said('a record was changed, lost, repeated or reordered on the way')],
  21: ['peer-protocol', said('a message could not be read')],
  22: ['peer-protocol', said('a message was larger than allowed')],
  40: ['session-refused', said('the two ends allow no common suite')],
  42: ['session-refused', said('the identity key was not accepted')],
  43: ['session-refused', said('an extension that must be understood is unknown')],
  44: ['session-refused', said('it no longer accepts the identity key of this end, which was revoked')],
  45: ['session-refused', said('it no longer accepts the identity key of this end, whose time is over')],
  51: ['peer-protocol', said('a signature or message authentication code of the handshake is wrong')],
  70: ['session-refused', said('the two ends have no common protocol version')],
  80: ['internal', said('something inside Countersign failed')],
  100: [
    'session-refused',
    said('the cookie that the gateway gave out came back changed, too late, or from another address'),
  ],
  110: ['statement-invalid', said('a signed statement did not verify')],
  111: ['replay', said('a statement was used twice')],
  112: ['statement-invalid', said('the clocks of the two ends differ by more than two minutes')],
  113: ['signer-unavailable', said('the signing key is not available')],
  114: ['limit', said('the connection has used up its keys')],
  115: ['limit', said('a limit of size, number or time was passed')],
}

/** A gateway that is busy, or whose patience ended: trying again later helps, which a limit within a session does not. */
const BEFORE_READY: typeof MEANING = {
  115: ['handshake-timeout', said('it is busy or did not want to wait any longer; try again later')],
}

/** A violation found here: ends the connection, and its alert tells the peer why. */
export class SessionError extends CountersignError {
  readonly alert: number

  constructor(
    alert: Alert,
    detail: string | Sentence,
    options: { readonly cause?: unknown; readonly code?: ErrorCode } = {},
  ) {
    super(options.code ?? MEANING[alert]?.[0] ?? 'internal', detail, options)
    this.alert = alert
  }
}

/** An alert that came. `authenticated` is false before the handshake is done: then anybody may have sent it. */
export class PeerAlert extends CountersignError {
  readonly authenticated: boolean

  constructor(code: ErrorCode, sentence: Sentence, authenticated: boolean) {
    super(code, sentence)
    this.authenticated = authenticated
  }
}

export function peerAlert(alert: number, authenticated: boolean): PeerAlert {
  const [code, meaning] = (authenticated ? undefined : BEFORE_READY[alert]) ??
    MEANING[alert] ?? ['peer-protocol', said`alert ${alert}`]
  const sentence = authenticated
    ? said`The other end ended the session: ${meaning}.`
    : said`The other end, or somebody on the way to it, ended the session: ${meaning}.`
  return new PeerAlert(code, sentence, authenticated)
}

/** What to tell the peer about anything thrown here. An error that is not a violation says only that it was internal. */
export function alertOf(error: unknown): number {
  if (error instanceof SessionError) return error.alert
  if (!(error instanceof CountersignError)) return ALERT.internal
  if ('alert' in error && typeof error.alert === 'number') return error.alert
  return ALERT_BY_CODE[error.code] ?? ALERT.internal
}

/** Whether an error says that the peer, or somebody on the way, did what the protocol forbids. */
export function isViolation(error: unknown): boolean {
  // What the other end complains of is not what it did.
  if (error instanceof PeerAlert) return false
  const named = error instanceof CountersignError && 'alert' in error
  return named || (error instanceof CountersignError && VIOLATIONS.includes(error.code))
}

const VIOLATIONS: readonly ErrorCode[] = ['decode', 'length', 'decrypt-failed', 'peer-protocol']

const ALERT_BY_CODE: { readonly [code in ErrorCode]?: Alert } = {
  decode: ALERT.decode,
  length: ALERT.decode,
  'peer-protocol': ALERT.decode,
  'decrypt-failed': ALERT.badRecord,
  'signature-invalid': ALERT.badSignature,
  'peer-unknown': ALERT.badIdentity,
  'peer-changed': ALERT.badIdentity,
  'peer-revoked': ALERT.revoked,
  'peer-expired': ALERT.expired,
  'signer-unavailable': ALERT.signerUnavailable,
  'signer-timeout': ALERT.signerUnavailable,
  'token-missing': ALERT.signerUnavailable,
  'pin-needed': ALERT.signerUnavailable,
  'key-process-gone': ALERT.signerUnavailable,
  'key-planned': ALERT.signerUnavailable,
  'key-retired': ALERT.signerUnavailable,
  'key-revoked': ALERT.signerUnavailable,
  limit: ALERT.limit,
  'handshake-timeout': ALERT.limit,
}

/** Where a session was not resumed: what has become of it is for the journal of the other end to say. */
export function notResumed(): SessionError {
  const sentence = said(
    'The gateway no longer has this session: it was restarted, or the connection was away for too long.',
  )
  return new SessionError(ALERT.close, sentence, { code: 'session-lost' })
}
