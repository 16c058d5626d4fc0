import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { encodeBase64url, encodeUtf8, joined } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { buildBatch, sealBatch } from '../../../src/evidence/batch.ts'
import { digestOf } from '../../../src/evidence/checks.ts'
import { recipientMembers, type RecipientPublicKey } from '../../../src/crypto/recipient.ts'
import { encodeLine, FIRST_PREV, type JournalLine, type RecordLine } from '../../../src/evidence/journal/format.ts'
import type { SegmentIndex } from '../../../src/evidence/journal/index/format.ts'
import { segmentFile } from '../../../src/evidence/journal/names.ts'
import { encodeStatement, NO_SERVER, type StatementFields } from '../../../src/evidence/statement.ts'
import type { VerificationKey } from '../../../src/evidence/types.ts'

/**
 * Valid documents for the seeds. Keys and signatures are bytes of the right length and no more: a parser verifies nothing, and
 * signatures that are hedged would make every run another one.
 */
const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
export const HASH = filled(48, 7)
export const PUBLIC_KEY = filled(2592, 1)
export const SMALL_PUBLIC_KEY = filled(1952, 2)
export const SIGNATURE = filled(4627, 3)
export const KID = thumbprint('ML-DSA-87', PUBLIC_KEY)
export const SIGNER: VerificationKey = { kid: KID, algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY }

export const text = (value: string): Uint8Array => encodeUtf8(value)
export const json = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value))

export const CALL = text(
  '{"jsonrpc":"2.0","id":"a\\u00fc","method":"tools/call","params":{"name":"read","arguments":{"path":"/a"},"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
)
export const ANSWER = text(
  '{"jsonrpc":"2.0","id":41,"result":{"content":[{"type":"text","text":"a\\nb"}],"isError":false}}',
)
export const FAILED = text('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}')
export const NOTE = text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":41,"reason":"-"}}')
export const PROGRESS = text(
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1.5}}',
)
export const HEAD = encodeCbor([
  'POST',
  [
    ['content-type', 'application/json'],
    ['mcp-method', 'tools/call'],
  ],
])

function fields(seq: number, context: Uint8Array, changes: Partial<StatementFields>): StatementFields {
  return {
    sid: encodeBase64url(HASH),
    dir: 'c2s',
    seq,
    kind: 'request',
    server: 'files',
    exchange: 3,
    head: digestOf(HEAD),
    ts: 1_790_000_000_000,
    aud: encodeBase64url(filled(32, 9)),
    salt: encodeBase64url(filled(32, 5)),
    ctx: { alg: 'sha-384', digest: digestOf(context), length: context.length },
    prev: encodeBase64url(filled(48, 8)),
    ack: { seq: 0, head: encodeBase64url(filled(48, 6)) },
    ...changes,
  }
}

const req = encodeBase64url(HASH)
const nothing = new Uint8Array(0)
const described = { method: 'tools/call', id: '"a\\u00fc"' }
/** One statement of each kind. */
export const STATEMENTS: readonly Uint8Array[] = [
  encodeStatement(fields(0, CALL, described)),
  encodeStatement(fields(1, nothing, { dir: 's2c', kind: 'head', req })),
  encodeStatement(fields(2, ANSWER, { dir: 's2c', kind: 'response', id: '41', req })),
  encodeStatement(fields(3, ANSWER, { dir: 's2c', kind: 'event', method: 'a\u{10ffff}', req })),
  encodeStatement(fields(4, nothing, { dir: 's2c', kind: 'end', req, end: { events: 1, reason: 'done' } })),
  encodeStatement(fields(5, nothing, { kind: 'cancel', req })),
  encodeStatement(fields(6, nothing, { kind: 'close', server: NO_SERVER, exchange: 0 })),
]

export const BATCH = sealBatch(buildBatch(STATEMENTS, { kid: KID, algorithm: 'ML-DSA-87', custody: 'hsm' }), SIGNATURE)

const batchDigest = digestOf(BATCH.jws)
const SERIES = '2026-11-29T10-50-00Z-AAAAAAAAAAAA'
const record: RecordLine = {
  type: 'record',
  batch: batchDigest,
  statement: STATEMENTS[0] ?? nothing,
  head: HEAD,
  index: 0,
  proof: BATCH.proofs[0] ?? [],
  how: 'sent',
  at: 1_790_000_000_001,
  context: undefined,
}
/** A segment whose contexts are encrypted, behind one that a crash cut off and one that was deleted. */
export const SEALED_LINES: readonly Uint8Array[] = journal([
  {
    type: 'segment',
    series: SERIES,
    segment: 3,
    at: 1_790_000_000_000,
    contexts: 'encrypted',
    cut: 17,
    encryption: { to: encodeBase64url(HASH), ciphertext: filled(1568, 4), share: filled(32, 5) },
  },
  { type: 'key', kid: KID, key: SIGNER },
  { type: 'batch', digest: batchDigest, kid: KID, jws: BATCH.jws },
  { ...record, sealed: filled(CALL.length + 16, 6) },
  {
    type: 'handshake',
    sid: encodeBase64url(HASH),
    conn: encodeBase64url(HASH),
    transcript: encodeBase64url(HASH),
    suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
    at: 1_790_000_000_001,
  },
  {
    type: 'pruned',
    at: 1_790_000_000_002,
    file: segmentFile(SERIES, 0),
    bytes: 4711,
    why: 'age',
    next: 12,
    head: encodeBase64url(HASH),
  },
  { type: 'close', at: 1_790_000_000_003, records: 1, next: true },
])
export const INDEX: SegmentIndex = {
  header: { size: 9000, covered: 8900, last: 8000, head: batchDigest, from: 1, to: 2, sids: [encodeBase64url(HASH)] },
  segment: 100,
  keys: [[101, 3500]],
  batches: [[3602, 2000, 0]],
  records: [{ start: 5603, length: 900, line: 4, batch: 0, sid: 0, dir: 's2c', seq: 7, at: 1, digest: batchDigest }],
}
export const RECIPIENT: RecipientPublicKey = { kemKey: filled(1568, 1), share: filled(32, 2) }
export const PRIVATE_FILES: readonly Uint8Array[] = [
  { seed: encodeBase64url(filled(96, 7)) },
  {
    lock: { N: 131_072, r: 8, p: 1, salt: encodeBase64url(filled(32, 8)) },
    nonce: encodeBase64url(filled(12, 9)),
    sealed: encodeBase64url(filled(112, 10)),
  },
].map((secret) =>
  json({
    v: 1,
    typ: 'countersign-recipient-key',
    ...recipientMembers(RECIPIENT),
    ...secret,
  }),
)

export const JOURNAL_LINES: readonly Uint8Array[] = journal([
  { type: 'key', kid: KID, key: SIGNER },
  { type: 'batch', digest: batchDigest, kid: KID, jws: BATCH.jws },
  ...STATEMENTS.map(
    (statement, index): JournalLine => ({
      type: 'record',
      batch: batchDigest,
      statement,
      head: index === 0 ? HEAD : nothing,
      index,
      proof: BATCH.proofs[index] ?? [],
      how: index % 2 === 0 ? 'sent' : 'received',
      at: 1_790_000_000_001,
      context: index === 0 ? CALL : undefined,
    }),
  ),
  { type: 'close', at: 1_790_000_000_002, records: STATEMENTS.length },
])
export const JOURNAL = joined(JOURNAL_LINES.flatMap((line) => [line, Uint8Array.of(10)]))

function journal(lines: readonly JournalLine[]): Uint8Array[] {
  let prev = FIRST_PREV
  return lines.map((line, n) => {
    const bytes = encodeLine({ n, prev, line })
    prev = encodeBase64url(sha384(bytes))
    return bytes
  })
}
