import { CUSTODIES, type Custody } from '../../contracts/custody.ts'
import type { ManifestFields } from '../../contracts/signInput.ts'
import { parseStrictJson } from '../../contracts/strictJson.ts'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { HASH_LENGTH } from '../../crypto/hash.ts'
import { encodeHeader } from '../../crypto/jws.ts'
import { CountersignError } from '../../support/errors.ts'
import { isDigest, isMembers } from '../statement.ts'
import type { VerificationKey } from '../types.ts'

export const MANIFEST_TYP = 'countersign-manifest'

/** The signed payload of a manifest, as parsed. */
export interface ManifestPayload extends ManifestFields {
  readonly custody: Custody
}

/** The protected header of a manifest: compact JSON of alg, typ, kid. */
export function manifestHeader({ kid, algorithm }: Pick<VerificationKey, 'kid' | 'algorithm'>): Uint8Array {
  return encodeHeader({ alg: algorithm, typ: MANIFEST_TYP, kid })
}

/**
 * The payload of a manifest: UTF-8 of compact JSON, members in the order v, typ, alg, digest, lines, records, redacted, at,
 * custody.
 * @throws CountersignError `length` for a digest that is not 48 bytes, `usage` for counts or a time that are none
 */
export function encodeManifestPayload(fields: ManifestFields, custody: Custody): Uint8Array {
  const { at, lines, records, redacted, digest } = fields
  // Without a fixed length the digest could carry bytes that somebody chose.
  if (digest.length !== HASH_LENGTH) throw new CountersignError('length', 'A digest of a bundle is not 48 bytes long.')
  if (![at, lines, records, redacted].every(isCount) || redacted > records || records > lines) {
    throw new CountersignError('usage', 'The counts of a manifest do not go together.')
  }
  return encodeUtf8(
    JSON.stringify({
      v: 1,
      typ: MANIFEST_TYP,
      alg: 'sha-384',
      digest: encodeBase64url(digest),
      lines,
      records,
      redacted,
      at,
      custody,
    }),
  )
}

const MEMBERS = 9

/** Reads a payload strictly: exactly these members. @throws CountersignError `decode` */
export function parseManifestPayload(payload: Uint8Array): ManifestPayload {
  const value = parseStrictJson(payload, { safeIntegers: true })
  if (!isMembers(value) || Object.keys(value).length !== MEMBERS) throw malformed()
  const { v, typ, alg, digest, lines, records, redacted, at, custody } = value
  if (v !== 1 || typ !== MANIFEST_TYP || alg !== 'sha-384' || !isDigest(digest) || !isCustody(custody)) {
    throw malformed()
  }
  if (!isCount(lines) || !isCount(records) || !isCount(redacted) || !isCount(at)) throw malformed()
  if (redacted > records || records > lines) throw malformed()
  return { digest: decodeBase64url(digest), lines, records, redacted, at, custody }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isCustody(value: unknown): value is Custody {
  return CUSTODIES.some((custody) => custody === value)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'The payload of a manifest is malformed.')
}
