import type { Custody } from '../contracts/custody.ts'
import type { Role, SignInput } from '../contracts/signInput.ts'
import { concat, encodeBase64url, encodeUtf8 } from '../crypto/encoding.ts'
import { HASH_LENGTH } from '../crypto/hash.ts'
import { thumbprint } from '../crypto/jwk.ts'
import { encodeHeader, signingInput as jwsSigningInput } from '../crypto/jws.ts'
import { merkleRoot } from '../crypto/merkle.ts'
import type { SignatureAlgorithm } from '../crypto/signature.ts'
import { isSuiteName } from '../crypto/suite.ts'
import { CountersignError, unreachable } from '../support/errors.ts'
import { manifestHeader, encodeManifestPayload } from './bundle/manifestPayload.ts'
import { badBatch } from './errors.ts'
import { parseStatement } from './statement.ts'
import { encodeTransitionPayload, transitionHeader } from './transitionPayload.ts'
import type { BatchPayload } from './types.ts'

/** Most statements that one signature covers. */
export const MAX_BATCH = 64
export const BATCH_TYP = 'countersign-batch'

/** What the bytes to be signed say of the key that signs them. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly custody: Custody
}

/** Exact bytes of the two signed parts of a JWS. */
export interface SignedParts {
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
}

/** Those of a batch, and the root in them (48 bytes). */
export interface BatchParts extends SignedParts {
  readonly root: Uint8Array
}

export interface SigningInput {
  /** What ML-DSA signs, with the empty context string (FIPS 204, section 5.2; RFC 9964). */
  readonly bytes: Uint8Array
  /** The parts of the JWS, for kinds that are one. */
  readonly jws?: SignedParts
  /** Of a batch, 48 bytes. */
  readonly root?: Uint8Array
}

/** 64 spaces (RFC 8446, section 4.4.3): no JWS signing input begins like this, it begins with "eyJ". */
const PAD = new Uint8Array(64).fill(0x20)
const ZERO = Uint8Array.of(0)

const LABELS: Readonly<Record<'handshake' | 'rekey', Readonly<Record<Role, string>>>> = {
  handshake: {
    client: 'countersign/1 client CertificateVerify',
    server: 'countersign/1 server CertificateVerify',
  },
  rekey: { client: 'countersign/1 client rekey', server: 'countersign/1 server rekey' },
}

/**
 * The registry of docs/PROTOCOL.md, "What a key signs": the bytes that a key signs for an input, built where the key is
 * and again where the signature is verified. There is no input from which a caller gets bytes of its own choice signed.
 * @throws CountersignError `algorithm-unsupported` for an unknown suite, `length` for a hash that is not 48 bytes,
 *   `peer-protocol` for an unknown kind or role, `usage` for a transition that is not this key's or for counts that are none; EvidenceError `batch-invalid`, `statement-invalid` for a batch
 */
export function signingInput(input: SignInput, signer: SigningKey): SigningInput {
  switch (input.kind) {
    case 'handshake':
    case 'rekey':
      return { bytes: labelled(labelOf(input.kind, input.role), input.suite, input.hash) }
    case 'batch': {
      const jws = batchParts(checkStatements(input.statements), signer)
      return { bytes: jwsSigningInput(jws.protectedHeader, jws.payload), jws, root: jws.root }
    }
    case 'transition': {
      const { from, to, at } = input
      const jws = transitionParts({ from, to, at }, signer)
      return { bytes: jwsSigningInput(jws.protectedHeader, jws.payload), jws }
    }
    case 'manifest': {
      const jws = { protectedHeader: manifestHeader(signer), payload: encodeManifestPayload(input, signer.custody) }
      return { bytes: jwsSigningInput(jws.protectedHeader, jws.payload), jws }
    }
    default:
      return unreachable(input)
  }
}

function labelOf(kind: 'handshake' | 'rekey', role: Role): string {
  // The input came from another process: what the types exclude is refused here, not turned into "undefined".
  if (role !== 'client' && role !== 'server') throw new CountersignError('peer-protocol', 'A signer has no such role.')
  return LABELS[kind][role]
}

/** 0x20 × 64 ‖ label ‖ 0x00 ‖ suite name ‖ 0x00 ‖ hash(48). */
function labelled(label: string, suite: string, hash: Uint8Array): Uint8Array {
  if (!isSuiteName(suite)) throw new CountersignError('algorithm-unsupported', 'A signature names an unknown suite.')
  // Without a fixed length the hash could carry bytes that somebody chose.
  if (hash.length !== HASH_LENGTH) throw new CountersignError('length', 'A transcript hash is not 48 bytes long.')
  return concat(PAD, encodeUtf8(label), ZERO, encodeUtf8(suite), ZERO, hash)
}

/** Every leaf must be a statement: otherwise a batch would be a way to have anything signed. */
function checkStatements(statements: readonly Uint8Array[]): readonly Uint8Array[] {
  if (statements.length < 1 || statements.length > MAX_BATCH) {
    throw badBatch(`A batch holds 1 to ${MAX_BATCH} statements.`)
  }
  for (const statement of statements) parseStatement(statement)
  return statements
}

/** Header and payload over statements that were already checked. */
export function batchParts(statements: readonly Uint8Array[], signer: SigningKey, root?: Uint8Array): BatchParts {
  const computed = root ?? merkleRoot(statements)
  const payload: BatchPayload = {
    v: 1,
    typ: BATCH_TYP,
    alg: 'sha-384',
    n: statements.length,
    root: encodeBase64url(computed),
    custody: signer.custody,
  }
  return {
    protectedHeader: encodeHeader({ alg: signer.algorithm, typ: BATCH_TYP, kid: signer.kid }),
    payload: encodeUtf8(JSON.stringify(payload)),
    root: computed,
  }
}

/**
 * Header and payload of a transition as one of its two keys signs it. Both sign the same payload: the old key says who
 * follows it, the new one that it was there and wants to.
 * @throws CountersignError `usage` where both keys are the same or `signer` is neither, `length` for a public key
 */
export function transitionParts(
  { from, to, at }: Omit<Extract<SignInput, { kind: 'transition' }>, 'kind'>,
  signer: Pick<SigningKey, 'kid' | 'algorithm'>,
): SignedParts {
  const own = [from, to].find(({ algorithm, publicKey }) => thumbprint(algorithm, publicKey) === signer.kid)
  // A key that vouched for two others would say something that nobody asked it, and no verifier would take it.
  if (own === undefined) throw new CountersignError('usage', 'A transition is signed by its two keys and no other.')
  return {
    protectedHeader: transitionHeader({ algorithm: own.algorithm, kid: signer.kid }),
    payload: encodeTransitionPayload({ from, to, at }),
  }
}
