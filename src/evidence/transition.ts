import { isRecord, parseStrictJson } from '../contracts/strictJson.ts'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from '../crypto/encoding.ts'
import { type Jws, parseJws, verifyJws } from '../crypto/jws.ts'
import { CountersignError } from '../support/errors.ts'
import {
  encodeTransitionPayload,
  parseTransitionPayload,
  type Transition,
  TRANSITION_TYP,
  transitionHeader,
  type TransitionParts,
} from './transitionPayload.ts'
import { thumbprint } from '../crypto/jwk.ts'

export type { Transition, TransitionParts } from './transitionPayload.ts'

/** Of a document in bytes: with two ML-DSA-87 keys it has about 22 000. */
export const MAX_TRANSITION_BYTES = 32 * 1024

/** A transition document as it was read: who it names is a claim until `verifyTransition` said otherwise. */
export interface TransitionDocument {
  /** As it came. */
  readonly bytes: Uint8Array
  readonly transition: Transition
  /** Two JWS over one payload, by `from` and by `to`, in this order. */
  readonly signatures: readonly [Jws, Jws]
}

/** Signatures over the JWS signing input of `encodeTransitionPayload` under `transitionHeader` of each key. */
export interface SignedTransition extends TransitionParts {
  readonly signatures: { readonly from: Uint8Array; readonly to: Uint8Array }
}

/**
 * The document as UTF-8 of one line of JSON: `{"v":1,"typ":"countersign-transition","payload":…,"signatures":[{"protected":…,
 * "signature":…} by from, {…} by to]}`, bytes in base64url.
 * @throws CountersignError `decode`, `length`
 */
export function buildTransition({ signatures, ...parts }: SignedTransition): Uint8Array {
  const signed = (key: TransitionParts['from'], signature: Uint8Array) => ({
    protected: encodeBase64url(transitionHeader({ ...key, kid: thumbprint(key.algorithm, key.publicKey) })),
    signature: encodeBase64url(signature),
  })
  return encodeUtf8(
    JSON.stringify({
      v: 1,
      typ: TRANSITION_TYP,
      payload: encodeBase64url(encodeTransitionPayload(parts)),
      signatures: [signed(parts.from, signatures.from), signed(parts.to, signatures.to)],
    }),
  )
}

/**
 * Reads a document strictly; verifies nothing. Exactly these members, two signatures, in the order of the keys.
 * @throws CountersignError `decode`, `algorithm-unsupported`, `length`
 */
export function parseTransition(bytes: Uint8Array): TransitionDocument {
  if (bytes.length > MAX_TRANSITION_BYTES) throw malformed()
  const value = parseStrictJson(bytes, { safeIntegers: true })
  if (!isRecord(value) || Object.keys(value).length !== 4) throw malformed()
  const { v, typ, payload, signatures } = value
  if (v !== 1 || typ !== TRANSITION_TYP || typeof payload !== 'string' || !Array.isArray(signatures)) throw malformed()
  const [first, second, ...others] = signatures.map((signature) => readSignature(signature, payload))
  if (first === undefined || second === undefined || others.length > 0) throw malformed()
  return { bytes, transition: parseTransitionPayload(decodeBase64url(payload)), signatures: [first, second] }
}

/** As a flattened JWS of its own: what that may hold is decided in one place. */
function readSignature(value: unknown, payload: string): Jws {
  if (!isRecord(value) || Object.keys(value).length !== 2) throw malformed()
  const { protected: header, signature } = value
  return parseJws(JSON.stringify({ protected: header, payload, signature }))
}

/**
 * Verifies that the old key signed for the new one and the new one for the old one: alone the first lets whoever has the old
 * key claim a key of somebody else, and the second lets anybody claim to follow anybody.
 * @returns what both keys signed
 * @throws CountersignError `signature-invalid`
 */
export async function verifyTransition({ transition, signatures }: TransitionDocument): Promise<Transition> {
  const [byFrom, byTo] = signatures
  await verifyJws({ jws: byFrom, typ: TRANSITION_TYP, ...transition.from })
  await verifyJws({ jws: byTo, typ: TRANSITION_TYP, ...transition.to })
  return transition
}

/** Reads and verifies in one go. @throws as `parseTransition` and `verifyTransition` */
export async function readTransition(bytes: Uint8Array): Promise<Transition> {
  return await verifyTransition(parseTransition(bytes))
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A document is not a key transition.')
}
