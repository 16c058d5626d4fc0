import { CUSTODIES, type Custody } from '../contracts/custody.ts'
import { parseStrictJson } from '../contracts/strictJson.ts'
import { encodeUtf8 } from '../crypto/encoding.ts'
import { buildJws, type Jws, parseJws, verifyJws } from '../crypto/jws.ts'
import { merkleTree } from '../crypto/merkle.ts'
import { CountersignError } from '../support/errors.ts'
import { ALERT, badBatch, EvidenceError } from './errors.ts'
import { BATCH_TYP, batchParts, type BatchParts, MAX_BATCH, type SigningKey } from './signingInput.ts'
import { isDigest, isMembers } from './statement.ts'
import type { BatchPayload, VerificationKey } from './types.ts'

export interface UnsignedBatch extends BatchParts {
  readonly size: number
  /** Inclusion path of each leaf, 48 bytes a node (RFC 9162, section 2.1.3). */
  readonly proofs: readonly (readonly Uint8Array[])[]
}

/** Root, proofs and the signed parts of a batch of 1 to 64 statements in leaf order. @throws EvidenceError `batch-invalid` */
export function buildBatch(statements: readonly Uint8Array[], signer: SigningKey): UnsignedBatch {
  if (statements.length < 1 || statements.length > MAX_BATCH) {
    throw badBatch(`A batch holds 1 to ${MAX_BATCH} statements.`)
  }
  const { root, proofs } = merkleTree(statements)
  return { ...batchParts(statements, signer, root), size: statements.length, proofs }
}

/** The batch with its signature as flattened JWS (RFC 7515, section 7.2.2), UTF-8. */
export function sealBatch<B extends BatchParts>(batch: B, signature: Uint8Array): B & { readonly jws: Uint8Array } {
  return { ...batch, jws: encodeUtf8(buildJws(batch.protectedHeader, batch.payload, signature)) }
}

/** A batch as it was read: its payload is a claim until `verifyBatch` said otherwise. */
export interface ParsedBatch {
  readonly jws: Jws
  readonly payload: BatchPayload
}

/** Longest JWS of a batch in bytes: an ML-DSA-87 signature is 6170 characters of it. */
const MAX_JWS_BYTES = 8192

/**
 * Reads a batch strictly; verifies nothing.
 * @throws EvidenceError `batch-invalid`, alert 110
 */
export function parseBatch(bytes: Uint8Array): ParsedBatch {
  if (bytes.length > MAX_JWS_BYTES) throw badBatch('The signed root of a batch is longer than 8192 bytes.')
  try {
    const jws = parseJws(bytes)
    if (jws.header.typ !== BATCH_TYP) throw badBatch('A signature is of another kind than a batch.')
    return { jws, payload: checkPayload(parseStrictJson(jws.payload)) }
  } catch (thrown) {
    if (thrown instanceof EvidenceError) throw thrown
    throw badBatch('The signed root of a batch is malformed.', thrown)
  }
}

const MEMBERS = 6

function checkPayload(value: unknown): BatchPayload {
  // A member that is not known could change what the others mean.
  if (!isMembers(value) || Object.keys(value).length !== MEMBERS) throw badBatch('The payload of a batch is malformed.')
  const { v, typ, alg, n, root, custody } = value
  const known = v === 1 && typ === BATCH_TYP && alg === 'sha-384'
  if (!known || !isBatchSize(n) || !isDigest(root) || !isCustody(custody)) {
    throw badBatch('The payload of a batch is malformed.')
  }
  return { v, typ, alg, n, root, custody }
}

function isBatchSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_BATCH
}

function isCustody(value: unknown): value is Custody {
  return CUSTODIES.some((custody) => custody === value)
}

/**
 * Verifies the signature under a key that the caller names; the algorithm comes from the key, never from the header.
 * @throws EvidenceError `signature-invalid`, alert 51
 */
export async function verifyBatch(batch: ParsedBatch, key: VerificationKey): Promise<void> {
  try {
    await verifyJws({ jws: batch.jws, typ: BATCH_TYP, ...key })
  } catch (cause) {
    // Only a verdict becomes evidence of a forgery; a backend that failed is reported as what it is.
    if (!(cause instanceof CountersignError) || (cause.code !== 'signature-invalid' && cause.code !== 'length'))
      throw cause
    throw new EvidenceError('signature-invalid', ALERT.badSignature, 'The signature on the root does not hold.', {
      cause,
    })
  }
}

/** Reads and verifies in one go. @throws EvidenceError `batch-invalid`, `signature-invalid` */
export async function verifyBatchJws(jws: Uint8Array, key: VerificationKey): Promise<BatchPayload> {
  const batch = parseBatch(jws)
  await verifyBatch(batch, key)
  return batch.payload
}
