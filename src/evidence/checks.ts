import { encodeBase64url } from '../crypto/encoding.ts'
import { sha384Text } from '../crypto/hash.ts'
import { thumbprint } from '../crypto/jwk.ts'
import { verifyInclusion } from '../crypto/merkle.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { describeContext, type Description } from './describe.ts'
import { ALERT, badBatch, badStatement, EvidenceError, replayed } from './errors.ts'
import type { Position, Question, SessionExpectations } from './expectations.ts'
import { MAX_BATCH } from './signingInput.ts'
import type { BatchPayload, OfflineEvidence, Statement, VerificationKey } from './types.ts'

/** Milliseconds by which `ts` may differ from the receiver's clock (docs/PROTOCOL.md, "Statement"). */
export const MAX_SKEW = 120_000

/** SHA-384 of bytes as statements write it: base64url, 64 characters. */
export const digestOf = sha384Text

/** Leaf and proof lead to the signed root (RFC 9162, section 2.1.3.2). @throws EvidenceError `batch-invalid` */
export function checkInclusion({ statement, index, proof }: OfflineEvidence, batch: BatchPayload): void {
  // The limit also bounds the work: a longer proof is refused before anything is hashed.
  const sized = batch.n <= MAX_BATCH && proof.length <= Math.ceil(Math.log2(MAX_BATCH))
  const root = Buffer.from(batch.root, 'base64url')
  if (!sized || !verifyInclusion(statement, index, batch.n, proof, root)) {
    throw badBatch('The proof does not lead from the statement to the root of its batch.')
  }
}

/** The kid is the key's own thumbprint, so that whoever compares kids has compared keys. @throws EvidenceError */
export function checkThumbprint(key: VerificationKey): void {
  if (thumbprint(key.algorithm, key.publicKey) !== key.kid) {
    throw new EvidenceError('signature-invalid', ALERT.badSignature, 'A key is not the one that its kid names.')
  }
}

/** @throws EvidenceError `signature-invalid`; `peer-expired`, alert 45, for a key that is trusted at other times only */
export function checkTrust(kid: string, ts: number, trusts: (kid: string, at: number) => boolean | 'outside'): void {
  const trusted = trusts(kid, ts)
  if (trusted === true) return
  if (trusted === 'outside') {
    throw new EvidenceError('peer-expired', ALERT.expired, 'A statement was signed outside the window of its key.')
  }
  throw new EvidenceError('signature-invalid', ALERT.badSignature, 'The signing key is not one that is trusted.')
}

/** Session, audience, sequence, chain, time and acknowledgement. @throws EvidenceError `statement-invalid`, `replay` */
export function checkSession(statement: Statement, expected: SessionExpectations): void {
  const { sid, dir, aud, server, position, now, headAt, contradicted } = expected
  if (statement.sid !== sid) throw badStatement('A statement belongs to another session.')
  if (statement.dir !== dir) throw badStatement('A statement travels in the other direction.')
  if (statement.aud !== aud) throw badStatement('A statement is meant for somebody else.')
  if (server !== undefined && statement.server !== server) throw badStatement('A statement names another server.')
  if (position !== undefined) checkPosition(statement, position)
  if (now !== undefined && Math.abs(statement.ts - now) > MAX_SKEW) {
    const sentence = said('A statement is more than 120 s off this clock; check the clocks of both ends.')
    throw new EvidenceError('statement-invalid', ALERT.clockSkew, sentence)
  }
  if (headAt !== undefined) checkAck(statement, headAt(statement.ack.seq))
  if (contradicted !== undefined) throw contradicted
}

function checkPosition({ seq, prev }: Statement, { seq: next, head }: Position): void {
  if (seq < next) throw replayed('A statement has a sequence that was used before.')
  if (seq > next) throw badStatement('A statement is missing before this one.')
  if (prev !== encodeBase64url(head)) throw badStatement('A statement does not follow from the one before it.')
}

/** @param head of the other direction after `ack.seq` statements, 48 bytes; undefined where so many were never sent */
export function checkAck({ ack }: Statement, head: Uint8Array | undefined): void {
  if (head === undefined) throw badStatement('A statement acknowledges what was never sent.')
  if (ack.head !== encodeBase64url(head)) throw badStatement('A statement acknowledges something else than was sent.')
}

/**
 * Head, length, digest, method and id are those of the bytes. What is undefined was not kept and is not compared.
 * @throws EvidenceError `statement-invalid`; `context-refused` for a request that two parsers could read differently
 */
export function checkContext(
  statement: Statement,
  head: Uint8Array | undefined,
  context: Uint8Array | undefined,
): void {
  if (head !== undefined && statement.head !== digestOf(head))
    throw badStatement('The head of a context is not the one that was signed.')
  if (context === undefined) return
  const { length, digest } = statement.ctx
  if (length !== context.length || digest !== digestOf(context)) {
    throw badStatement('The bytes of a context are not the ones that were signed.')
  }
  const { method, id } = described(statement, context)
  if (method !== statement.method || id !== statement.id) {
    throw badStatement('A statement names another method or id than its context.')
  }
}

function described(statement: Statement, context: Uint8Array): Description {
  try {
    return describeContext(statement.kind, context)
  } catch (thrown) {
    if (!(thrown instanceof CountersignError)) throw thrown
    throw new EvidenceError(thrown.code, ALERT.badStatement, thrown.sentence, { cause: thrown })
  }
}

/** An answer goes with its question in server and exchange. @throws EvidenceError `statement-invalid` */
export function checkQuestion(statement: Statement, question: Question | undefined): void {
  if (question === undefined) throw badStatement('An answer names a request that was never made.')
  if (statement.server !== question.server || statement.exchange !== question.exchange) {
    throw badStatement('An answer belongs to another exchange than the request that it names.')
  }
}
