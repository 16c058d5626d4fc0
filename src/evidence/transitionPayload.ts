import { isRecord, parseStrictJson } from '../contracts/strictJson.ts'
import { encodeUtf8 } from '../crypto/encoding.ts'
import { encodeHeader } from '../crypto/jws.ts'
import { exportJwk, parseJwk, type PublicKey, thumbprint } from '../crypto/jwk.ts'
import { isSignatureAlgorithm } from '../crypto/signature.ts'
import { CountersignError } from '../support/errors.ts'
import type { VerificationKey } from './types.ts'

export const TRANSITION_TYP = 'countersign-transition'

/** What a transition says: from `at` on (ms since 1970) the key `to` stands for whoever the key `from` stood for. */
export interface TransitionParts {
  readonly from: PublicKey
  readonly to: PublicKey
  readonly at: number
}

/** The same as it was read: kids computed from the keys. */
export interface Transition {
  readonly from: VerificationKey
  readonly to: VerificationKey
  readonly at: number
}

/**
 * The payload that both keys sign: UTF-8 of compact JSON, members in the order v, typ, from {kid, jwk}, to {kid, jwk}, at.
 * About 7 KB for two ML-DSA-87 keys.
 * @throws CountersignError `usage` for two keys that are one, or a time that is none, `algorithm-unsupported`, `length` for a key
 */
export function encodeTransitionPayload({ from, to, at }: TransitionParts): Uint8Array {
  const parties = [partyOf(from), partyOf(to)] as const
  if (parties[0].kid === parties[1].kid)
    throw new CountersignError('usage', 'A transition leads from one key to another.')
  if (!isInstant(at)) throw new CountersignError('usage', 'A transition has a time in milliseconds.')
  return encodeUtf8(JSON.stringify({ v: 1, typ: TRANSITION_TYP, from: parties[0], to: parties[1], at }))
}

/** The protected header under which one of the two keys signs: compact JSON of alg, typ, kid. */
export function transitionHeader({ kid, algorithm }: Pick<VerificationKey, 'kid' | 'algorithm'>): Uint8Array {
  return encodeHeader({ alg: algorithm, typ: TRANSITION_TYP, kid })
}

/**
 * Reads a payload strictly; it must be spelled exactly as `encodeTransitionPayload` spells it, so that what two programs
 * read out of one signature cannot differ.
 * @throws CountersignError `decode`, `algorithm-unsupported`, `length`
 */
export function parseTransitionPayload(payload: Uint8Array): Transition {
  const value = exactly(parseStrictJson(payload, { safeIntegers: true }), ['v', 'typ', 'from', 'to', 'at'])
  const { at } = value
  if (value['v'] !== 1 || value['typ'] !== TRANSITION_TYP || !isInstant(at)) throw malformed()
  const transition = { from: readParty(value['from']), to: readParty(value['to']), at }
  if (transition.from.kid === transition.to.kid) throw malformed()
  if (Buffer.compare(encodeTransitionPayload(transition), payload) !== 0) throw malformed()
  return transition
}

function partyOf({ algorithm, publicKey }: PublicKey): { kid: string; jwk: ReturnType<typeof exportJwk> } {
  // ML-DSA-44 has a JWK as well, but no suite takes it: nobody may be led to a key that no session accepts.
  if (!isSignatureAlgorithm(algorithm)) {
    throw new CountersignError('algorithm-unsupported', 'A transition names a key that no suite takes.')
  }
  return { kid: thumbprint(algorithm, publicKey), jwk: exportJwk(algorithm, publicKey) }
}

function readParty(value: unknown): VerificationKey {
  const { kid, jwk } = exactly(value, ['kid', 'jwk'])
  const key = parseJwk(jwk)
  const computed = thumbprint(key.algorithm, key.publicKey)
  // A kid that is not its key's would be compared where the key is meant.
  if (kid !== computed) throw malformed()
  return { ...key, kid: computed }
}

function exactly(value: unknown, names: readonly string[]): Record<string, unknown> {
  if (!isRecord(value) || Object.keys(value).length !== names.length) throw malformed()
  if (!names.every((name) => Object.hasOwn(value, name))) throw malformed()
  return value
}

function isInstant(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A key transition is not spelled as it must be.')
}
