import { asBytes, asMap, asText, type CborValue } from '../../contracts/cbor.ts'
import { CUSTODIES } from '../../contracts/custody.ts'
import { thumbprint } from '../../crypto/jwk.ts'
import { isSignatureAlgorithm, SIGNATURE_LENGTHS } from '../../crypto/signature.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import { MAX_NAME } from '../limits.ts'

/** Control and direction characters: a name is drawn in dialogs that ask for trust. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
const MAX_ALGORITHM = 16
const MAX_PUBLIC_KEY = SIGNATURE_LENGTHS['ML-DSA-87'].publicKey

/** A name that `parseIdentity` accepts, from one that a machine or a person chose. */
export function displayName(name: string): string {
  const clean = name.replaceAll(new RegExp(UNPRINTABLE, 'gu'), '').trim()
  return (
    Array.from(clean)
      .slice(0, MAX_NAME / 2)
      .join('') || 'unnamed'
  )
}

/** `{alg, pub, name, custody}`. The kid is not sent: who receives a key computes its name. */
export function encodeIdentity(identity: Omit<PeerIdentity, 'kid'>): CborValue {
  const { algorithm, publicKey, name, custody } = identity
  return { alg: algorithm, pub: publicKey, name, custody }
}

/** @throws CountersignError `decode`; SessionError alert 42 for an algorithm or a key that cannot be one */
export function parseIdentity(value: CborValue | undefined): PeerIdentity {
  const map = asMap(value, 'An identity', ['alg', 'pub', 'name', 'custody'])
  const algorithm = asText(map['alg'], 'An identity', MAX_ALGORITHM)
  const publicKey = asBytes(map['pub'], 'An identity', { max: MAX_PUBLIC_KEY })
  const name = asText(map['name'], 'An identity', MAX_NAME)
  const claimed = asText(map['custody'], 'An identity', MAX_ALGORITHM)
  if (!isSignatureAlgorithm(algorithm) || publicKey.length !== SIGNATURE_LENGTHS[algorithm].publicKey) {
    throw new SessionError(ALERT.badIdentity, 'The identity key of the other end has no known form.')
  }
  const custody = CUSTODIES.find((known) => known === claimed)
  if (custody === undefined || name === '' || UNPRINTABLE.test(name)) {
    throw new SessionError(ALERT.decode, 'The identity of the other end holds what it may not.')
  }
  return { kid: thumbprint(algorithm, publicKey), algorithm, publicKey, name, custody }
}
