import type { ManifestFields } from '../../contracts/signInput.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import { buildJws, type Jws, parseJws, verifyJws } from '../../crypto/jws.ts'
import { CountersignError } from '../../support/errors.ts'
import type { SigningKey } from '../signingInput.ts'
import type { VerificationKey } from '../types.ts'
import {
  encodeManifestPayload,
  MANIFEST_TYP,
  manifestHeader,
  type ManifestPayload,
  parseManifestPayload,
} from './manifestPayload.ts'

/** A manifest as it was read: a claim until `verifyManifest` said otherwise. */
export interface Manifest {
  readonly jws: Jws
  readonly payload: ManifestPayload
}

/** Longest JWS of a manifest in bytes, as of a batch. */
const MAX_JWS_BYTES = 8192

/** The manifest with its signature as flattened JWS (RFC 7515, section 7.2.2), UTF-8. */
export function sealManifest(fields: ManifestFields, signer: SigningKey, signature: Uint8Array): Uint8Array {
  return encodeUtf8(buildJws(manifestHeader(signer), encodeManifestPayload(fields, signer.custody), signature))
}

/** Reads a manifest strictly; verifies nothing. @throws CountersignError `decode` */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_JWS_BYTES) throw new CountersignError('decode', 'A manifest is longer than 8192 bytes.')
  const jws = parseJws(bytes)
  if (jws.header.typ !== MANIFEST_TYP) {
    throw new CountersignError('decode', 'A signature is of another kind than a manifest.')
  }
  return { jws, payload: parseManifestPayload(jws.payload) }
}

/** Under a key that the caller names; alg comes from the key. @throws CountersignError `signature-invalid` */
export async function verifyManifest({ jws }: Manifest, key: VerificationKey): Promise<void> {
  await verifyJws({ jws, typ: MANIFEST_TYP, ...key })
}
