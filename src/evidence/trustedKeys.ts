import { isRecord, parseStrictJson } from '../contracts/strictJson.ts'
import { encodeUtf8 } from '../crypto/encoding.ts'
import { exportJwk, parseJwk, type PublicKey, thumbprint } from '../crypto/jwk.ts'
import { CountersignError } from '../support/errors.ts'
import { isWithin, type KeyWindow, narrowed } from './keyWindow.ts'
import type { Transition } from './transitionPayload.ts'

export const KEYS_TYP = 'countersign-keys'

/** A key that somebody says is to be trusted, and when. */
export interface RingKey extends PublicKey, KeyWindow {
  /** Ms since 1970: from then on somebody else may have had it. */
  readonly revoked?: number | undefined
}

/** What of a key is trusted: `revoked` says that its window ended because it was no longer its owner's alone. */
export interface TrustedWindow extends KeyWindow {
  readonly revoked?: number | undefined
}

/** Of a ring file. */
const MAX_KEYS = 1024

/**
 * A key ring for others, as UTF-8 JSON: `{"v":1,"typ":"countersign-keys","keys":[{kid,jwk,from?,until?,revoked?}]}`. Nobody
 * signs it: whoever is to believe it must get it from somebody that they trust.
 */
export function encodeRing(keys: readonly RingKey[]): Uint8Array {
  const members = keys.map(({ algorithm, publicKey, from, until, revoked }) => ({
    kid: thumbprint(algorithm, publicKey),
    jwk: exportJwk(algorithm, publicKey),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(revoked !== undefined && { revoked }),
  }))
  return encodeUtf8(`${JSON.stringify({ v: 1, typ: KEYS_TYP, keys: members }, undefined, 2)}\n`)
}

/**
 * The windows of a ring file by kid; kids are computed from the keys. A key that comes twice counts only where both say so.
 * @throws CountersignError `decode`, `algorithm-unsupported`, `length`
 */
export function parseRing(bytes: Uint8Array): ReadonlyMap<string, TrustedWindow> {
  const value = parseStrictJson(bytes, { safeIntegers: true })
  if (!isRecord(value) || Object.keys(value).length !== 3) throw malformed()
  const { v, typ, keys } = value
  if (v !== 1 || typ !== KEYS_TYP || !Array.isArray(keys) || keys.length > MAX_KEYS) throw malformed()
  const ring = new Map<string, TrustedWindow>()
  for (const [kid, window] of keys.map(readKey)) ring.set(kid, narrowedTrust(ring.get(kid) ?? {}, window))
  return ring
}

/** The narrower of two. */
export function narrowedTrust(one: TrustedWindow, other: TrustedWindow): TrustedWindow {
  const revoked = [one.revoked, other.revoked].filter((at) => at !== undefined)
  return { ...narrowed(one, other), ...(revoked.length > 0 && { revoked: Math.min(...revoked) }) }
}

/**
 * Trust that goes on from old keys to new ones: a transition counts from `at` on, where its old key is trusted at that time
 * and was never revoked, or whoever has a stolen key could date one before the theft. A key that is trusted anyway stays as it is.
 * @param transitions verified
 * @param known what else is known of when a key counts: it narrows the windows of keys that follow
 * @returns all trusted keys, and the transitions that lead from none of them
 */
export function extended(
  trusted: ReadonlyMap<string, TrustedWindow>,
  transitions: readonly Transition[],
  known: ReadonlyMap<string, TrustedWindow> = new Map(),
): { readonly trusted: ReadonlyMap<string, TrustedWindow>; readonly unused: readonly Transition[] } {
  const all = new Map(trusted)
  let unused = transitions
  // Each round one more link of a chain may be reached, whatever order they were named in.
  for (let left = -1; left !== unused.length; ) {
    left = unused.length
    unused = unused.filter(({ from, to, at }) => {
      const window = all.get(from.kid)
      if (window === undefined || window.revoked !== undefined || !isWithin(window, at)) return true
      if (!all.has(to.kid)) all.set(to.kid, narrowedTrust({ from: at }, known.get(to.kid) ?? {}))
      return false
    })
  }
  return { trusted: all, unused }
}

function readKey(value: unknown): readonly [string, TrustedWindow] {
  if (!isRecord(value)) throw malformed()
  const { kid, jwk, from, until, revoked, ...others } = value
  const { algorithm, publicKey } = parseJwk(jwk)
  if (kid !== thumbprint(algorithm, publicKey) || Object.keys(others).length > 0) throw malformed()
  if (!isOptionalInstant(from) || !isOptionalInstant(until) || !isOptionalInstant(revoked)) throw malformed()
  const ends = [until, revoked].filter((at) => at !== undefined)
  const end = ends.length === 0 ? undefined : Math.min(...ends)
  return [
    kid,
    {
      ...(from !== undefined && { from }),
      ...(end !== undefined && { until: end }),
      ...(revoked !== undefined && { revoked }),
    },
  ]
}

function isOptionalInstant(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A document is not a key ring.')
}
