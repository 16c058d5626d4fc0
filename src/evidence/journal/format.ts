import { parseStrictJson } from '../../contracts/strictJson.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { type AkpJwk, exportJwk, isKid, parseJwk, type PublicKey } from '../../crypto/jwk.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { isDigest, isMembers, type Members } from '../statement.ts'
import type { EvidenceEntry, VerificationKey } from '../types.ts'

/**
 * The lines of a journal (docs/PROTOCOL.md, "Journal"): JSON, one document a line, each with its number `n` from 0 and
 * `prev`, the SHA-384 of the line before it without its line feed (48 zero bytes for the first). The chain finds accidents
 * and clumsy edits; that nobody rewrote the whole file only the signatures in it can say.
 */
export type JournalLine = KeyLine | BatchLine | RecordLine | CloseLine

/** A public key that later batches are signed with. */
export interface KeyLine {
  readonly type: 'key'
  readonly kid: string
  readonly key: PublicKey
}

export interface BatchLine {
  readonly type: 'batch'
  /** SHA-384 of `jws`, base64url: how records name their batch. */
  readonly digest: string
  readonly kid: string
  readonly jws: Uint8Array
}

/** One context. `context` is undefined where only its digest was kept, which is in the statement. */
export interface RecordLine
  extends Pick<EvidenceEntry, 'statement' | 'head' | 'index' | 'proof' | 'context' | 'how' | 'at'> {
  readonly type: 'record'
  readonly batch: string
}

/** The end of a journal that was closed in order: without it nobody knows how much is missing. */
export interface CloseLine {
  readonly type: 'close'
  readonly at: number
  readonly records: number
}

export interface NumberedLine {
  readonly n: number
  readonly prev: string
  readonly line: JournalLine
}

export const FIRST_PREV = encodeBase64url(new Uint8Array(48))
/**
 * How many batch and key lines back a record's batch and a batch's key may be. Writers repeat older ones; so a reader
 * needs to remember no more, however long the file.
 */
export const BATCH_WINDOW = 256
export const KEY_WINDOW = 64
/** A context of 16 MiB in base64url, and everything else of its line. */
export const MAX_LINE_BYTES = 23 * 1024 * 1024

/** One line without its line feed. @throws CountersignError `decode` for a statement or JWS that is not UTF-8 */
export function encodeLine({ n, prev, line }: NumberedLine): Uint8Array {
  const { context, ...members } = membersOf(line)
  const text = JSON.stringify({ n, prev, type: line.type, ...members })
  // Base64url needs no escaping: looking for that in 22 million characters would take longer than all the rest.
  return encodeUtf8(context === undefined ? text : `${text.slice(0, -1)},"context":"${context}"}`)
}

function membersOf(line: JournalLine): { readonly context?: string; readonly [member: string]: unknown } {
  switch (line.type) {
    case 'key': {
      const jwk: AkpJwk = exportJwk(line.key.algorithm, line.key.publicKey)
      return { kid: line.kid, jwk }
    }
    case 'batch':
      return { digest: line.digest, kid: line.kid, jws: decodeUtf8(line.jws) }
    case 'record':
      return {
        batch: line.batch,
        statement: decodeUtf8(line.statement),
        head: encodeBase64url(line.head),
        index: line.index,
        proof: line.proof.map(encodeBase64url),
        how: line.how,
        at: line.at,
        ...(line.context !== undefined && { context: encodeBase64url(line.context) }),
      }
    case 'close':
      return { at: line.at, records: line.records }
    default:
      return unreachable(line)
  }
}

/**
 * Reads one line strictly: exactly the members of its type. What it holds is not verified.
 * @throws CountersignError `decode`; `algorithm-unsupported`, `length` for a key that is none of ours
 */
export function parseLine(bytes: Uint8Array): NumberedLine {
  const value = parseStrictJson(bytes, { maxDepth: 4, safeIntegers: true })
  if (!isMembers(value)) throw malformed()
  const { n, prev, type, ...members } = value
  if (!isCount(n) || !isDigest(prev)) throw malformed()
  return { n, prev, line: lineOf(type, members) }
}

function lineOf(type: unknown, m: Members): JournalLine {
  switch (type) {
    case 'key': {
      only(m, ['kid', 'jwk'])
      if (!isKid(m['kid'])) throw malformed()
      return { type, kid: m['kid'], key: parseJwk(m['jwk']) }
    }
    case 'batch': {
      only(m, ['digest', 'kid', 'jws'])
      if (!isKid(m['kid']) || !isDigest(m['digest'])) throw malformed()
      return { type, kid: m['kid'], digest: m['digest'], jws: encodeUtf8(text(m['jws'])) }
    }
    case 'record':
      return recordOf(m)
    case 'close': {
      only(m, ['at', 'records'])
      if (!isCount(m['at']) || !isCount(m['records'])) throw malformed()
      return { type, at: m['at'], records: m['records'] }
    }
    default:
      throw malformed()
  }
}

function recordOf(m: Members): RecordLine {
  only(m, ['batch', 'statement', 'head', 'index', 'proof', 'how', 'at', 'context'])
  const { batch, index, proof, how, at, context } = m
  if (!isDigest(batch) || !isCount(index) || !isCount(at) || !Array.isArray(proof)) throw malformed()
  if (how !== 'sent' && how !== 'received') throw malformed()
  return {
    type: 'record',
    batch,
    statement: encodeUtf8(text(m['statement'])),
    head: decodeBase64url(text(m['head'])),
    index,
    proof: proof.map((node) => decodeBase64url(text(node))),
    how,
    at,
    context: context === undefined ? undefined : decodeBase64url(text(context)),
  }
}

/** The key of a key line under the name that the line gives it: whether the two belong together the verifier finds out. */
export function keyOf({ kid, key }: KeyLine): VerificationKey {
  return { kid, algorithm: key.algorithm, publicKey: key.publicKey }
}

function only(members: Members, names: readonly string[]): void {
  if (!Object.keys(members).every((name) => names.includes(name))) throw malformed()
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw malformed()
  return value
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A line of a journal does not have the members of its type.')
}
