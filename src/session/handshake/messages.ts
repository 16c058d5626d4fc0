import {
  asBytes,
  asList,
  asMap,
  asText,
  asUint,
  type CborMap,
  type CborValue,
  decodeCbor,
  encodeCbor,
} from '../../contracts/cbor.ts'
import { ECDH_LENGTHS } from '../../crypto/ecdh.ts'
import { HASH_LENGTH } from '../../crypto/hash.ts'
import { KEM_LENGTHS } from '../../crypto/kem.ts'
import { isSignatureAlgorithm, SIGNATURE_LENGTHS } from '../../crypto/signature.ts'
import { isSuiteName, SUITES, type SuiteName } from '../../crypto/suite.ts'
import { MAX_TRANSITION_BYTES } from '../../evidence/transition.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import {
  EXCHANGE_CREDIT,
  MAX_ALERT_TEXT,
  MAX_CONTEXT,
  MAX_COOKIE,
  MAX_FLIGHT,
  MAX_FRAGMENT,
  MAX_HELLO,
  MAX_RECORD,
  SESSION_CREDIT,
} from '../limits.ts'
import { type Element, ELEMENT, element } from './elements.ts'
import { encodeExtensions, type Extension, parseExtensions, TRANSITION } from './extensions.ts'
import { encodeIdentity, parseIdentity } from './identity.ts'

export const NONCE_LENGTH = 32
/** Every CI has this length: the one of its display name and the kind of its key would tell clients apart. */
export const CI_LENGTH = 8192
const MAX_LIST = 16
const MAX_VERSION = 0xffff
const MAX_SUITE_NAME = 64

/** M1. The shares are for the first suite of the list; with a cookie for the suite that Retry named. */
export interface ClientHello {
  readonly versions: readonly number[]
  /** In order of preference; names that this end does not know are kept, as the transcript has them. */
  readonly suites: readonly string[]
  readonly nonce: Uint8Array
  readonly kemKey: Uint8Array
  readonly share: Uint8Array
  readonly extensions: readonly Extension[]
  /** As Retry gave it, at most 512 bytes. */
  readonly cookie?: Uint8Array
}

export function encodeM1(hello: ClientHello): Element {
  const { versions, suites, nonce, kemKey, share, extensions, cookie } = hello
  const map = { versions, suites, nonce, kem: kemKey, share, extensions: encodeExtensions(extensions) }
  return element(ELEMENT.M1, encodeCbor(cookie === undefined ? map : { ...map, cookie }))
}

/**
 * Encoding what this returns gives the same bytes. With a cookie the lengths of the shares are still to be checked
 * (`checkShares`): only the opened cookie says for which suite they are.
 * @throws CountersignError `decode`
 */
export function parseM1({ body }: Element): ClientHello {
  const required = ['versions', 'suites', 'nonce', 'kem', 'share', 'extensions']
  const map = document(body, 'ClientHello', MAX_HELLO, required, ['cookie'])
  const cookie = map['cookie'] === undefined ? undefined : asBytes(map['cookie'], 'The cookie', { max: MAX_COOKIE })
  const suites = distinct(map['suites']).map((name) => asText(name, 'A suite', MAX_SUITE_NAME))
  return {
    versions: distinct(map['versions']).map((version) => asUint(version, 'A version', MAX_VERSION)),
    suites,
    nonce: asBytes(map['nonce'], 'The nonce', NONCE_LENGTH),
    ...shares(map, cookie === undefined ? suites[0] : undefined, 'publicKey'),
    extensions: parseExtensions(map['extensions']),
    ...(cookie !== undefined && { cookie }),
  }
}

/** @throws CountersignError `decode` for shares that cannot be of this suite */
export function checkShares({ kemKey, share }: ClientHello, suite: SuiteName): void {
  shares({ kem: kemKey, share }, suite, 'publicKey')
}

/** Retry: "say it again, to this suite, and show this". */
export interface Retry {
  readonly suite: SuiteName
  /** 1 to 512 bytes that only the gateway understands. */
  readonly cookie: Uint8Array
}

export function encodeRetry({ suite, cookie }: Retry): Element {
  return element(ELEMENT.Retry, encodeCbor({ suite, cookie }))
}

/** @throws CountersignError `decode`; SessionError alert 40 for a suite that does not exist */
export function parseRetry({ body }: Element): Retry {
  const map = document(body, 'Retry', MAX_HELLO, ['suite', 'cookie'])
  const suite = asText(map['suite'], 'A suite', MAX_SUITE_NAME)
  const cookie = asBytes(map['cookie'], 'The cookie', { max: MAX_COOKIE })
  if (cookie.length === 0) throw new SessionError(ALERT.decode, 'The cookie is empty.')
  if (!isSuiteName(suite)) throw new SessionError(ALERT.noCommonSuite, 'The gateway asks for an unknown suite.')
  return { suite, cookie }
}

/** M2. */
export interface ServerHello {
  readonly version: number
  readonly suite: SuiteName
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
  readonly share: Uint8Array
}

export function encodeM2(hello: ServerHello): Element {
  const { version, suite, nonce, ciphertext, share } = hello
  return element(ELEMENT.M2, encodeCbor({ version, suite, nonce, kem: ciphertext, share }))
}

/** @throws CountersignError `decode`; SessionError alert 40 for a suite that does not exist */
export function parseM2({ body }: Element): ServerHello {
  const map = document(body, 'ServerHello', MAX_HELLO, ['version', 'suite', 'nonce', 'kem', 'share'])
  const suite = asText(map['suite'], 'A suite', MAX_SUITE_NAME)
  if (!isSuiteName(suite)) throw new SessionError(ALERT.noCommonSuite, 'The gateway chose an unknown suite.')
  const { kemKey: ciphertext, share } = shares(map, suite, 'ciphertext')
  const version = asUint(map['version'], 'A version', MAX_VERSION)
  return { version, suite, nonce: asBytes(map['nonce'], 'The nonce', NONCE_LENGTH), ciphertext, share }
}

/** EE: what the gateway takes, in bytes. Fixed in version 1, so that a change of them can be told from an attack. */
export const LIMITS = {
  record: MAX_RECORD,
  fragment: MAX_FRAGMENT,
  context: MAX_CONTEXT,
  exchange: EXCHANGE_CREDIT,
  session: SESSION_CREDIT,
} as const

export function encodeEE(extensions: readonly Extension[]): Element {
  return element(ELEMENT.EE, encodeCbor({ limits: LIMITS, extensions: encodeExtensions(extensions) }))
}

/** @throws CountersignError `decode`; SessionError alert 115 for other limits than ours */
export function parseEE({ body }: Element): { readonly extensions: readonly Extension[] } {
  const map = document(body, 'EE', MAX_FLIGHT, ['limits', 'extensions'])
  const expected = Object.entries(LIMITS)
  const limits = asMap(map['limits'], 'The limits', Object.keys(LIMITS))
  if (expected.some(([name, limit]) => asUint(limits[name], 'A limit') !== limit)) {
    throw new SessionError(ALERT.limit, 'The gateway has other limits than this version of the protocol.')
  }
  return { extensions: parseExtensions(map['extensions'], { [TRANSITION]: MAX_TRANSITION_BYTES }) }
}

export function encodeSI(identity: Omit<PeerIdentity, 'kid'>): Element {
  return element(ELEMENT.SI, encodeCbor(encodeIdentity(identity)))
}

export function parseSI({ body }: Element): PeerIdentity {
  return parseIdentity(decodeCbor(body, { bytes: MAX_FLIGHT }))
}

/** CI, padded with zero bytes to 8192. */
export function encodeCI(identity: Omit<PeerIdentity, 'kid'>, extensions: readonly Extension[]): Element {
  const padded = (pad: number): Uint8Array =>
    encodeCbor({
      identity: encodeIdentity(identity),
      extensions: encodeExtensions(extensions),
      pad: new Uint8Array(pad),
    })
  // The length of a byte string of 256 to 65535 bytes takes three bytes, so from here on a byte of padding is a byte.
  const shortest = 256
  const missing = CI_LENGTH - padded(shortest).length
  if (missing < 0) throw new SessionError(ALERT.limit, 'The client identity is too long to be padded.')
  return element(ELEMENT.CI, padded(shortest + missing))
}

/** @throws CountersignError `decode`, also where the padding is not all zero or the length another */
export function parseCI({ body }: Element): {
  readonly identity: PeerIdentity
  readonly extensions: readonly Extension[]
} {
  if (body.length !== CI_LENGTH) throw new SessionError(ALERT.decode, 'The client identity has a wrong length.')
  const map = document(body, 'CI', CI_LENGTH, ['identity', 'extensions', 'pad'])
  const pad = asBytes(map['pad'], 'The padding', { max: CI_LENGTH })
  if (pad.some((byte) => byte !== 0)) throw new SessionError(ALERT.decode, 'The padding is not empty.')
  return { identity: parseIdentity(map['identity']), extensions: parseExtensions(map['extensions']) }
}

/** SV, CV: the bare ML-DSA signature. @throws SessionError alert 51 unless it is as long as one of this key */
export function parseSignature({ body }: Element, identity: PeerIdentity): Uint8Array {
  if (isSignatureAlgorithm(identity.algorithm) && body.length === SIGNATURE_LENGTHS[identity.algorithm].signature)
    return body
  throw new SessionError(ALERT.badSignature, 'The handshake signature has a wrong length.')
}

/** SF, CF: the bare HMAC, 48 bytes. */
export function parseFinished({ body }: Element): Uint8Array {
  if (body.length !== HASH_LENGTH) throw new SessionError(ALERT.badSignature, 'The Finished MAC has a wrong length.')
  return body
}

export function encodeAlert(alert: number, text: string): Element {
  return element(ELEMENT.alert, encodeCbor([alert, text.slice(0, MAX_ALERT_TEXT)]))
}

/** The text is for the log of whoever gets it, and is not even that before the handshake is done. */
export function parseAlert({ body }: Element): number {
  const [alert, text] = asList(decodeCbor(body, { bytes: MAX_HELLO }), 'An alert', 2)
  asText(text, 'An alert', MAX_ALERT_TEXT)
  return asUint(alert, 'An alert', 255)
}

function shares(
  map: CborMap,
  suite: string | undefined,
  kem: 'publicKey' | 'ciphertext',
): { kemKey: Uint8Array; share: Uint8Array } {
  // For a suite that is not known here only the size of the message bounds the shares; it is refused right after.
  const known = isSuiteName(suite) ? SUITES[suite] : undefined
  return {
    kemKey: asBytes(map['kem'], 'The KEM share', known ? KEM_LENGTHS[known.kem][kem] : { max: MAX_HELLO }),
    share: asBytes(map['share'], 'The ECDH share', known ? ECDH_LENGTHS[known.ecdh].share : { max: MAX_HELLO }),
  }
}

function distinct(value: CborValue | undefined): readonly CborValue[] {
  const list = asList(value, 'A list', { max: MAX_LIST })
  if (list.length === 0 || new Set(list).size !== list.length) {
    throw new SessionError(ALERT.decode, 'A list is empty or repeats itself.')
  }
  return list
}

function document(
  body: Uint8Array,
  what: string,
  bytes: number,
  required: readonly string[],
  optional: readonly string[] = [],
): CborMap {
  return asMap(decodeCbor(body, { bytes }), what, required, optional)
}
