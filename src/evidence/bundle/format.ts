import { parseStrictJson } from '../../contracts/strictJson.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { exportJwk, isKid, parseJwk, type PublicKey } from '../../crypto/jwk.ts'
import { isSuiteName, type SuiteName } from '../../crypto/suite.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { isDigest, isMembers, type Members } from '../statement.ts'
import type { TrustedWindow } from '../trustedKeys.ts'
import type { EvidenceEntry } from '../types.ts'
import { parseSelection, type Selection } from './selection.ts'

/**
 * The lines of an evidence bundle (docs/PROTOCOL.md, "Bundle"): JSON, one document a line, each ended by a line feed. The
 * first is the header, the last the manifest, which is signed and covers every byte before it.
 */
export type BundleLine = HeaderLine | KeyLine | TransitionLine | HandshakeLine | BatchLine | RecordLine | ManifestLine

export interface HeaderLine {
  readonly type: 'bundle'
  /** The kid of the key that signs the manifest. */
  readonly exporter: string
  /** Ms since 1970. */
  readonly at: number
  readonly selection: Selection
}

/** A public key that later lines need, and when it counts as far as the exporter knows. */
export interface KeyLine extends TrustedWindow {
  readonly type: 'key'
  readonly kid: string
  readonly key: PublicKey
}

/** A transition document, exact bytes. It proves itself. */
export interface TransitionLine {
  readonly type: 'transition'
  readonly document: Uint8Array
}

/** One handshake of a session, by the digest of its transcript. */
export interface HandshakeLine {
  readonly type: 'handshake'
  readonly sid: string
  /** H("cs1 conn" ‖ transcript), base64url of 48 bytes; that of a session's first connection is its `sid`. */
  readonly conn: string
  /** th(CF), base64url of 48 bytes. */
  readonly transcript: string
  readonly suite: SuiteName
  readonly at: number
}

export interface BatchLine {
  readonly type: 'batch'
  /** SHA-384 of `jws`, base64url: how records name their batch. */
  readonly digest: string
  readonly kid: string
  readonly jws: Uint8Array
}

/** One context. Of a redacted one `head` and `context` were removed; `context` alone is not there where only its digest was kept. */
export interface RecordLine extends Pick<EvidenceEntry, 'statement' | 'index' | 'proof' | 'context' | 'how' | 'at'> {
  readonly type: 'record'
  readonly batch: string
  readonly redacted: boolean
  /** Deterministic CBOR; undefined exactly where `redacted`. */
  readonly head: Uint8Array | undefined
}

export interface ManifestLine {
  readonly type: 'manifest'
  readonly jws: Uint8Array
}

/** How every bundle begins: by this a reader knows that a file is one. */
export const BUNDLE_START = encodeUtf8('{"type":"bundle",')
export const BUNDLE_EXTENSION = '.countersign'
/** How many batch and key lines back a record's batch and a batch's key may be, as in a journal. */
export const BATCH_WINDOW = 256
export const KEY_WINDOW = 64

/** One line without its line feed. @throws CountersignError `decode` for a statement or JWS that is not UTF-8 */
export function encodeBundleLine(line: BundleLine): Uint8Array {
  const { type } = line
  switch (type) {
    case 'bundle':
      return document({ type, v: 1, exporter: line.exporter, at: line.at, selection: line.selection })
    case 'key': {
      const { kid, key, from, until, revoked } = line
      return document({ type, kid, jwk: exportJwk(key.algorithm, key.publicKey), from, until, revoked })
    }
    case 'transition':
      return document({ type, document: decodeUtf8(line.document) })
    case 'handshake': {
      const { sid, conn, transcript, suite, at } = line
      return document({ type, sid, conn, transcript, suite, at })
    }
    case 'batch':
      return document({ type, digest: line.digest, kid: line.kid, jws: decodeUtf8(line.jws) })
    case 'record':
      return encodeRecord(line)
    case 'manifest':
      return document({ type, jws: decodeUtf8(line.jws) })
    default:
      return unreachable(line)
  }
}

function document(members: object): Uint8Array {
  return encodeUtf8(JSON.stringify(members))
}

function encodeRecord({ type, batch, statement, index, proof, how, at, redacted, head, context }: RecordLine) {
  const members = {
    type,
    batch,
    statement: decodeUtf8(statement),
    index,
    proof: proof.map(encodeBase64url),
    how,
    at,
    ...(redacted ? { redacted } : { head: head === undefined ? undefined : encodeBase64url(head) }),
  }
  const text = JSON.stringify(members)
  if (redacted || context === undefined) return encodeUtf8(text)
  // Base64url needs no escaping: looking for that in 22 million characters would take longer than all the rest.
  return encodeUtf8(`${text.slice(0, -1)},"context":"${encodeBase64url(context)}"}`)
}

/**
 * Reads one line strictly: exactly the members of its type. What it holds is not verified.
 * @throws CountersignError `decode`; `algorithm-unsupported`, `length` for a key that is none of ours
 */
export function parseBundleLine(bytes: Uint8Array): BundleLine {
  const value = parseStrictJson(bytes, { maxDepth: 4, safeIntegers: true })
  if (!isMembers(value)) throw malformed()
  const { type, ...members } = value
  switch (type) {
    case 'bundle':
      return readHeader(members)
    case 'key':
      return readKey(members)
    case 'transition':
      only(members, ['document'])
      return { type, document: utf8(members['document']) }
    case 'handshake':
      return readHandshake(members)
    case 'batch':
      return readBatch(members)
    case 'record':
      return readRecord(members)
    case 'manifest':
      only(members, ['jws'])
      return { type, jws: utf8(members['jws']) }
    default:
      throw malformed()
  }
}

function readHeader(m: Members): HeaderLine {
  only(m, ['v', 'exporter', 'at', 'selection'])
  const { v, exporter, at, selection } = m
  if (v !== 1 || !isKid(exporter) || !isCount(at)) throw malformed()
  return { type: 'bundle', exporter, at, selection: parseSelection(selection) }
}

function readKey(m: Members): KeyLine {
  only(m, ['kid', 'jwk', 'from', 'until', 'revoked'])
  const { kid, jwk, from, until, revoked } = m
  if (!isKid(kid) || !isOptional(from) || !isOptional(until) || !isOptional(revoked)) throw malformed()
  return {
    type: 'key',
    kid,
    key: parseJwk(jwk),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(revoked !== undefined && { revoked }),
  }
}

function readHandshake(m: Members): HandshakeLine {
  only(m, ['sid', 'conn', 'transcript', 'suite', 'at'])
  const { sid, conn, transcript, suite, at } = m
  if (!isDigest(sid) || !isDigest(conn) || !isDigest(transcript) || !isSuiteName(suite) || !isCount(at))
    throw malformed()
  return { type: 'handshake', sid, conn, transcript, suite, at }
}

function readBatch(m: Members): BatchLine {
  only(m, ['digest', 'kid', 'jws'])
  const { digest, kid, jws } = m
  if (!isKid(kid) || !isDigest(digest)) throw malformed()
  return { type: 'batch', digest, kid, jws: utf8(jws) }
}

function readRecord(m: Members): RecordLine {
  only(m, ['batch', 'statement', 'index', 'proof', 'how', 'at', 'head', 'context', 'redacted'])
  const { batch, statement, index, proof, how, at, head, context } = m
  const redacted = m['redacted'] === true
  if (!isDigest(batch) || !isCount(index) || !isCount(at) || !Array.isArray(proof)) throw malformed()
  if (how !== 'sent' && how !== 'received') throw malformed()
  // A redacted record that still held its bytes would be handed on by somebody who believes that they are gone.
  if (redacted ? head !== undefined || context !== undefined : m['redacted'] !== undefined) throw malformed()
  return {
    type: 'record',
    batch,
    statement: utf8(statement),
    index,
    proof: proof.map(base64url),
    how,
    at,
    redacted,
    head: redacted ? undefined : base64url(head),
    context: context === undefined ? undefined : base64url(context),
  }
}

function only(members: Members, names: readonly string[]): void {
  if (!Object.keys(members).every((name) => names.includes(name))) throw malformed()
}

function utf8(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw malformed()
  return encodeUtf8(value)
}

function base64url(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw malformed()
  return decodeBase64url(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isOptional(value: unknown): value is number | undefined {
  return value === undefined || isCount(value)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A line of a bundle does not have the members of its type.')
}
