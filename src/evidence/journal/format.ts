import { parseStrictJson } from '../../contracts/strictJson.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, plain } from '../../crypto/encoding.ts'
import { exportJwk, isKid, parseJwk } from '../../crypto/jwk.ts'
import { parseSealHeader, sealHeaderMembers } from '../../crypto/recipient.ts'
import { isSuiteName } from '../../crypto/suite.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { isDigest, isMembers, type Members } from '../statement.ts'
import type { VerificationKey } from '../types.ts'
import type {
  ContextsKept,
  HandshakeLine,
  JournalLine,
  KeyLine,
  NumberedLine,
  PrunedLine,
  RecordLine,
  SegmentLine,
} from './lineTypes.ts'
import { isSeries, parseName } from './names.ts'

export * from './lineTypes.ts'

/** One line without its line feed. @throws CountersignError `decode` for a statement or JWS that is not UTF-8 */
export function encodeLine({ n, prev, line }: NumberedLine): Uint8Array {
  const text = JSON.stringify({ n, prev, type: line.type, ...membersOf(line) })
  const [name, bytes] = line.type === 'record' ? bytesOf(line) : []
  if (name === undefined || bytes === undefined) return Buffer.from(text)
  // Base64url needs no escaping, and JSON.stringify would look for that in 22 million characters: it is put in as it is.
  const [front, encoded] = [`${text.slice(0, -1)},"${name}":"`, encodeBase64url(bytes)]
  const whole = Buffer.allocUnsafe(Buffer.byteLength(front) + encoded.length + 2)
  const at = whole.write(front)
  whole.write('"}', at + whole.write(encoded, at, 'latin1'))
  return whole
}

function bytesOf({ context, sealed }: RecordLine): [] | ['context' | 'sealed', Uint8Array] {
  if (sealed !== undefined) return ['sealed', sealed]
  return context === undefined ? [] : ['context', context]
}

function membersOf(line: JournalLine): { readonly [member: string]: unknown } {
  switch (line.type) {
    case 'segment': {
      const { series, segment, at, contexts, cut, encryption } = line
      return { series, segment, at, contexts, cut, encryption: encryption && sealHeaderMembers(encryption) }
    }
    case 'handshake': {
      const { sid, conn, transcript, suite, at } = line
      return { sid, conn, transcript, suite, at }
    }
    case 'key':
      return { kid: line.kid, jwk: exportJwk(line.key.algorithm, line.key.publicKey) }
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
      }
    case 'pruned': {
      const { at, file, bytes, why, next, head } = line
      return { at, file, bytes, why, next, head }
    }
    case 'close':
      return { at: line.at, records: line.records, next: line.next }
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
  const { n, prev } = value
  if (!isCount(n) || !isDigest(prev)) throw malformed()
  return { n, prev, line: lineOf(value) }
}

function lineOf(m: Members): JournalLine {
  const { type } = m
  switch (type) {
    case 'segment':
      return segmentOf(m)
    case 'handshake':
      return handshakeOf(m)
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
    case 'pruned':
      return prunedOf(m)
    case 'close': {
      only(m, ['at', 'records', 'next'])
      const { at, records, next } = m
      if (!isCount(at) || !isCount(records) || (next !== undefined && next !== true)) throw malformed()
      return { type, at, records, ...(next && { next }) }
    }
    default:
      throw malformed()
  }
}

function segmentOf(m: Members): SegmentLine {
  only(m, ['series', 'segment', 'at', 'contexts', 'cut', 'encryption'])
  const { series, segment, at, contexts, cut, encryption } = m
  if (!isSeries(series) || !isCount(segment) || !isCount(at) || !isContextsKept(contexts)) throw malformed()
  // A cut of 0 bytes is none, and one document has one spelling.
  if (cut !== undefined && (!isCount(cut) || cut === 0)) throw malformed()
  if ((contexts === 'encrypted') !== (encryption !== undefined)) throw malformed()
  const header = encryption === undefined ? {} : { encryption: parseSealHeader(encryption) }
  return { type: 'segment', series, segment, at, contexts, ...(cut !== undefined && { cut }), ...header }
}

function handshakeOf(m: Members): HandshakeLine {
  only(m, ['sid', 'conn', 'transcript', 'suite', 'at'])
  const { sid, conn, transcript, suite, at } = m
  if (!isDigest(sid) || !isDigest(conn) || !isDigest(transcript) || !isSuiteName(suite) || !isCount(at))
    throw malformed()
  return { type: 'handshake', sid, conn, transcript, suite, at }
}

function recordOf(m: Members): RecordLine {
  only(m, ['batch', 'statement', 'head', 'index', 'proof', 'how', 'at', 'context', 'sealed'])
  const { batch, index, proof, how, at, context, sealed } = m
  if (!isDigest(batch) || !isCount(index) || !isCount(at) || !Array.isArray(proof)) throw malformed()
  if (how !== 'sent' && how !== 'received') throw malformed()
  if (context !== undefined && sealed !== undefined) throw malformed()
  const record: RecordLine = {
    type: 'record',
    batch,
    // Strings of a strict parser have no half surrogates. From Node's pool: a buffer of its own for each costs five times as much.
    statement: plain(Buffer.from(text(m['statement']))),
    head: decodeBase64url(text(m['head'])),
    index,
    proof: proof.map((node) => decodeBase64url(text(node))),
    how,
    at,
    context: context === undefined ? undefined : decodeBase64url(text(context)),
  }
  return sealed === undefined ? record : { ...record, sealed: decodeBase64url(text(sealed)) }
}

function prunedOf(m: Members): PrunedLine {
  only(m, ['at', 'file', 'bytes', 'why', 'next', 'head'])
  const { at, file, bytes, why, next, head } = m
  if (typeof file !== 'string' || parseName(file)?.kind !== 'lines') throw malformed()
  if (!isCount(at) || !isCount(bytes) || !isCount(next) || !isDigest(head)) throw malformed()
  if (why !== 'size' && why !== 'age') throw malformed()
  return { type: 'pruned', at, file, bytes, why, next, head }
}

/** The key of a key line under the name that the line gives it: whether the two belong together the verifier finds out. */
export function keyOf({ kid, key }: KeyLine): VerificationKey {
  return { kid, algorithm: key.algorithm, publicKey: key.publicKey }
}

/** What all lines have, and these. A parsed object has no prototype, so there are no names but its own. */
function only(members: Members, names: readonly string[]): void {
  for (const name in members) if (!names.includes(name) && !COMMON.includes(name)) throw malformed()
}

const COMMON = ['n', 'prev', 'type']

function text(value: unknown): string {
  if (typeof value !== 'string') throw malformed()
  return value
}

function isContextsKept(value: unknown): value is ContextsKept {
  return value === 'full' || value === 'digest' || value === 'encrypted'
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A line of a journal does not have the members of its type.')
}
