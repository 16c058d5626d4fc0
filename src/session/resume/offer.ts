import { asBytes, asList, asUint, type CborValue, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { constantTimeEqual, HASH_LENGTH, hmacSha384 } from '../../crypto/hash.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { type Extension, MAX_EXTENSION_DATA } from '../handshake/extensions.ts'
import { SESSION_CREDIT } from '../limits.ts'

/** Where an end of a session stands when its connection is lost. */
export interface ResumePosition {
  /** Statements of the other end that were verified and released here, and the chain head (48 bytes) after them. */
  readonly count: number
  readonly head: Uint8Array
  /** Statements that this end has signed: what lies between the other's count and this is sent again. */
  readonly sent: number
  /** Bytes of released contexts that their consumer has not taken yet: so much less credit has the other end. */
  readonly held: number
}

/** `res` of an epoch of the lost connection, 48 bytes. */
export interface ResumptionSecret {
  readonly epoch: number
  readonly secret: Uint8Array
}

export interface ResumeOffer extends ResumePosition {
  /** 48 bytes. */
  readonly sid: Uint8Array
  /** Counts the attempts of this session from 1; the gateway takes each number once. */
  readonly attempt: number
  /**
   * One, or two where the connection was lost in the middle of a rekey and the client cannot know on which side of the
   * switch the gateway stands.
   */
  readonly binders: readonly Binder[]
}

interface Binder {
  readonly epoch: number
  readonly mac: Uint8Array
}

/** Name of the extension in CI. Never in M1: there it would tell an eavesdropper which session goes on. */
export const RESUME = 'resume'

const MAX_EPOCH = 0xffff_ffff

/**
 * `[sid, attempt, count, head, sent, held, [[epoch, binder]…]]`, critical. binder = HMAC-SHA-384(res of that epoch, th(SF)):
 * only the client of the lost connection has res, so another one with the same identity key cannot take the session over.
 * @param transcript th(SF) of the new handshake, 48 bytes: its nonces make the binder fresh
 */
export function resumeExtension(
  { sid, attempt, count, head, sent, held }: Omit<ResumeOffer, 'binders'>,
  secrets: readonly ResumptionSecret[],
  transcript: Uint8Array,
): Extension {
  const binders = secrets.map(({ epoch, secret }): CborValue => [epoch, hmacSha384(secret, transcript)])
  return { name: RESUME, critical: true, data: encodeCbor([sid, attempt, count, head, sent, held, binders]) }
}

/** @throws CountersignError `decode`; SessionError alert 21 where the extension is not critical */
export function parseResume(extensions: readonly Extension[]): ResumeOffer | undefined {
  const found = extensions.find(({ name }) => name === RESUME)
  if (found === undefined) return undefined
  if (!found.critical) throw new SessionError(ALERT.decode, 'A resume is asked for as if it could be ignored.')
  const value = decodeCbor(found.data, { bytes: MAX_EXTENSION_DATA, depth: 4 })
  const [sid, attempt, count, head, sent, held, binders] = asList(value, 'A resume', 7)
  const offered = asList(binders, 'A resume', { max: 2 }).map((pair) => {
    const [epoch, mac] = asList(pair, 'A binder', 2)
    return { epoch: asUint(epoch, 'A binder', MAX_EPOCH), mac: asBytes(mac, 'A binder', HASH_LENGTH) }
  })
  return {
    sid: asBytes(sid, 'A resume', HASH_LENGTH),
    attempt: asUint(attempt, 'A resume', Number.MAX_SAFE_INTEGER, 1),
    ...position([count, head, sent, held]),
    binders: offered,
  }
}

/** Whether the offer was made by the client of the lost connection. @param transcript th(SF) of the new handshake */
export function isBound(
  { binders }: ResumeOffer,
  secrets: readonly ResumptionSecret[],
  transcript: Uint8Array,
): boolean {
  return secrets.some(({ epoch, secret }) => {
    const binder = binders.find((offered) => offered.epoch === epoch)
    return binder !== undefined && constantTimeEqual(binder.mac, hmacSha384(secret, transcript))
  })
}

/** The third member of Ready: null where nothing was asked for, false for a session that is not known here. */
export type ResumeAnswer = ResumePosition | false | null

export function encodeAnswer(answer: ResumeAnswer): CborValue {
  if (answer === null || answer === false) return answer
  const { count, head, sent, held } = answer
  return [count, head, sent, held]
}

/** @throws CountersignError `decode` */
export function parseAnswer(value: CborValue | undefined): ResumeAnswer {
  return value === null || value === false ? value : position(asList(value, 'A resume', 4))
}

function position([count, head, sent, held]: readonly (CborValue | undefined)[]): ResumePosition {
  return {
    count: asUint(count, 'A resume'),
    head: asBytes(head, 'A resume', HASH_LENGTH),
    sent: asUint(sent, 'A resume'),
    held: asUint(held, 'A resume', SESSION_CREDIT),
  }
}
