import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { encodeBase64url, encodeUtf8, joined } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { buildBatch, sealBatch } from '../../../src/evidence/batch.ts'
import { digestOf } from '../../../src/evidence/checks.ts'
import { encodeLine, FIRST_PREV, type JournalLine } from '../../../src/evidence/journal/format.ts'
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
  encodeStatement(fields(6, nothing, { kind: 'close', server: NO_SERVER })),
]

export const BATCH = sealBatch(buildBatch(STATEMENTS, { kid: KID, algorithm: 'ML-DSA-87', custody: 'hsm' }), SIGNATURE)

const batchDigest = digestOf(BATCH.jws)
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
