import { isRecord, parseStrictJson } from '../contracts/strictJson.ts'
import { CountersignError } from '../support/errors.ts'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from './encoding.ts'
import { type SignatureAlgorithm, verifySignature } from './signature.ts'

const EMPTY = new Uint8Array(0)

/** The protected header: these three members and no others. */
export interface JwsHeader {
  readonly alg: string
  readonly typ: string
  readonly kid: string
}

/** A flattened JSON JWS (RFC 7515, section 7.2.2), decoded but not yet verified. */
export interface Jws {
  readonly header: JwsHeader
  /** The header as it was signed. */
  readonly protectedBytes: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** Bytes of a protected header: compact JSON, members in the order alg, typ, kid. */
export function encodeHeader({ alg, typ, kid }: JwsHeader): Uint8Array {
  return encodeUtf8(JSON.stringify({ alg, typ, kid }))
}

/**
 * What is signed (RFC 7515, section 5.1): `base64url(header) "." base64url(payload)`. It begins with "eyJ", so it can
 * never be the signing input of a handshake, which begins with 64 spaces.
 */
export function signingInput(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeUtf8(`${encodeBase64url(protectedHeader)}.${encodeBase64url(payload)}`)
}

/** The JWS as one line of JSON text. */
export function buildJws(protectedHeader: Uint8Array, payload: Uint8Array, signature: Uint8Array): string {
  return JSON.stringify({
    protected: encodeBase64url(protectedHeader),
    payload: encodeBase64url(payload),
    signature: encodeBase64url(signature),
  })
}

/**
 * Reads a flattened JWS: exactly `protected`, `payload` and `signature`, and in the header exactly `alg`, `typ` and `kid`,
 * all strings. So there is no `header` (unprotected), no `jwk` or `x5c` that brings its own key, no `crit` and no `b64`.
 * @throws CountersignError `decode`
 */
export function parseJws(input: Uint8Array | string): Jws {
  const members = exactStrings(parseStrictJson(input), ['protected', 'payload', 'signature'])
  const [protectedBytes = EMPTY, payload = EMPTY, signature = EMPTY] = members.map(decodeBase64url)
  const [alg = '', typ = '', kid = ''] = exactStrings(parseStrictJson(protectedBytes), ['alg', 'typ', 'kid'])
  return { header: { alg, typ, kid }, protectedBytes, payload, signature }
}

/** The values of exactly these members, each a string, in this order. @throws CountersignError `decode` */
function exactStrings(value: unknown, names: readonly string[]): string[] {
  if (!isRecord(value) || Object.keys(value).length !== names.length) throw malformed()
  return names.map((name) => {
    const member = value[name]
    if (typeof member !== 'string') throw malformed()
    return member
  })
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A JWS does not have exactly the members that are allowed.')
}

export interface Expected {
  readonly jws: Jws
  /** Key, algorithm and kid of the signer that the caller trusts: never taken from the JWS. */
  readonly publicKey: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly kid: string
  readonly typ: string
}

/**
 * Verifies a JWS against a key that is already trusted. `alg`, `kid` and `typ` of the header must say what is expected;
 * what they say decides nothing.
 * @returns the payload, which therefore nobody gets without verification
 * @throws CountersignError `signature-invalid`; `length` for the public key
 */
export async function verifyJws({ jws, publicKey, algorithm, kid, typ }: Expected): Promise<Uint8Array> {
  const { header } = jws
  if (header.alg !== algorithm || header.kid !== kid || header.typ !== typ) {
    throw new CountersignError('signature-invalid', 'A JWS names another algorithm, key or type than expected.')
  }
  const input = signingInput(jws.protectedBytes, jws.payload)
  if (!(await verifySignature(algorithm, publicKey, input, jws.signature))) {
    throw new CountersignError('signature-invalid', 'The signature of a JWS does not hold.')
  }
  return jws.payload
}
