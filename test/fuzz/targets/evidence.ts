import { parseStrictJson, scanMembers } from '../../../src/contracts/strictJson.ts'
import { joined } from '../../../src/crypto/encoding.ts'
import { buildJws, parseJws } from '../../../src/crypto/jws.ts'
import { parseBatch } from '../../../src/evidence/batch.ts'
import { describeContext } from '../../../src/evidence/describe.ts'
import { eventData, isOneEvent } from '../../../src/evidence/eventData.ts'
import { encodeLine, parseLine } from '../../../src/evidence/journal/format.ts'
import { encodeHolder, parseHolder } from '../../../src/evidence/journal/holder.ts'
import { encodeIndex, parseIndexBody, parseIndexHeader } from '../../../src/evidence/journal/index/format.ts'
import { readLines } from '../../../src/evidence/journal/lines.ts'
import { readJournal } from '../../../src/evidence/journal/reader.ts'
import {
  encodeRecipient,
  parsePrivateFile,
  parseRecipientDocument,
} from '../../../src/evidence/journal/recipientFile.ts'
import { OfflineVerifier } from '../../../src/evidence/offline.ts'
import { encodeStatement, isIdToken, isMethod, parseStatement } from '../../../src/evidence/statement.ts'
import type { StatementKind } from '../../../src/evidence/types.ts'
import type { Random } from '../engine/random.ts'
import { cutUp, must, mustEqual, mustEqualEach, parses, stable, type Target } from '../engine/target.ts'
import { messageEvent } from '../../../src/mcp/exchange/sse.ts'
import {
  ANSWER,
  BATCH,
  CALL,
  FAILED,
  INDEX,
  json,
  JOURNAL,
  JOURNAL_LINES,
  KID,
  NOTE,
  PRIVATE_FILES,
  RECIPIENT,
  SEALED_LINES,
  STATEMENTS,
  text,
} from './samples.ts'
import { jsonOf, RPC_TOKENS, uniqueMember } from './oracle.ts'

const SEALED = joined(SEALED_LINES.flatMap((line) => [line, Uint8Array.of(10)]))
const events = [ANSWER, NOTE].map(messageEvent)
const EVENT_TOKENS = ['data:', 'data', ' ', '\n', '\r', '\r\n', '\n\n', 'event:', 'id:', ':', '\ufeff']

const file = { format: 'lines', codes: [], tokens: ['\n', '\r\n', KID], longest: 32 * 1024 } as const

export const EVIDENCE: readonly Target[] = [
  {
    name: 'statement',
    format: 'json',
    codes: ['statement-invalid'],
    seeds: STATEMENTS,
    tokens: ['method', 'id', 'req', 'end', 'close', 'event', '-', 's2c', 'c2s', '41'],
    run: stable(parseStatement, encodeStatement),
  },
  {
    name: 'jws',
    format: 'json',
    codes: ['decode'],
    seeds: [BATCH.jws],
    tokens: ['header', 'crit', 'b64', 'jwk', 'x5c', 'alg', 'none'],
    run: stable(parseJws, (jws) => text(buildJws(jws.protectedBytes, jws.payload, jws.signature))),
  },
  {
    name: 'batch',
    format: 'json',
    codes: ['batch-invalid'],
    seeds: [BATCH.jws],
    tokens: ['header', 'n', 'root', 'custody', 'hsm', 'countersign-transition'],
    run: stable(parseBatch, ({ jws }) => text(buildJws(jws.protectedBytes, jws.payload, jws.signature))),
  },
  {
    name: 'journal-line',
    format: 'json',
    codes: ['decode', 'length', 'algorithm-unsupported'],
    seeds: [...JOURNAL_LINES, ...SEALED_LINES],
    tokens: [
      'key',
      'batch',
      'record',
      'close',
      'jwk',
      'context',
      'priv',
      'segment',
      'pruned',
      'sealed',
      'encryption',
      'next',
    ],
    run: stable(parseLine, encodeLine),
  },
  { ...file, name: 'journal-lines', seeds: [JOURNAL, text('a\n\nb')], run: lines, share: 0.2 },
  {
    name: 'journal-lock',
    format: 'json',
    codes: ['decode'],
    seeds: [encodeHolder({ pid: 4711, host: 'desk', started: 'boot 12', since: 1_790_000_000_000 })],
    tokens: ['started', 'pid'],
    run: stable(parseHolder, encodeHolder),
  },
  {
    name: 'journal-index',
    format: 'lines',
    codes: ['decode'],
    seeds: [text(encodeIndex(INDEX))],
    tokens: ['records', 'sids', 'covered', '[]', ',0', '-0'],
    run: index,
  },
  {
    name: 'recipient',
    format: 'json',
    codes: ['decode', 'algorithm-unsupported'],
    seeds: [text(encodeRecipient(RECIPIENT))],
    tokens: ['suite', 'kem', 'ecdh', 'countersign-recipient-key'],
    run: stable(
      (bytes) => parseRecipientDocument(parseStrictJson(bytes, { maxDepth: 2, safeIntegers: true })),
      (publicKey) => text(encodeRecipient(publicKey)),
    ),
  },
  {
    name: 'recipient-key',
    format: 'json',
    codes: ['decode', 'algorithm-unsupported'],
    seeds: PRIVATE_FILES,
    tokens: ['seed', 'lock', 'sealed', 'countersign-recipient'],
    run: parses(parsePrivateFile, ({ publicKey }) =>
      must(publicKey.kemKey.length === 1568, 'reads a key of another length'),
    ),
  },
  { ...file, name: 'journal', seeds: [JOURNAL, SEALED], run: journal, share: 0.05 },
  { ...file, name: 'offline-verifier', seeds: [JOURNAL], run: offline, share: 0.05 },
  context('request', [CALL, NOTE, ANSWER]),
  context('response', [ANSWER, FAILED, CALL]),
  { ...context('event', events), format: 'bytes', tokens: EVENT_TOKENS },
  {
    name: 'event-data',
    format: 'bytes',
    codes: [],
    seeds: [...events, text('data: a\r\ndata:b\rdata\n\n'), text(': c\nid: 1\n\n')],
    tokens: EVENT_TOKENS,
    run: parses(eventData, (data, bytes) => {
      must(data === undefined || isOneEvent(bytes), 'finds data in what is not one event')
      must(data === undefined || data.length <= bytes.length, 'finds more data than there is')
    }),
  },
  {
    name: 'scan-members',
    format: 'json',
    codes: ['decode'],
    seeds: [CALL, ANSWER, FAILED, NOTE, json([1, { a: 2 }]), text(' 1.5e3 ')],
    tokens: RPC_TOKENS,
    run: parses(scanMembers, ({ kind, members, nested, duplicates }, bytes) => {
      const value = jsonOf(bytes)
      must(value.valid, 'reads what is no JSON')
      must(kind === kindOf(value.parsed), 'takes one kind of value for another')
      if (kind !== 'object' || duplicates.length > 0) return
      const token = (span: { start: number; end: number }): unknown =>
        jsonOf(bytes.subarray(span.start, span.end)).parsed
      for (const [name, span] of members)
        mustEqual(token(span), uniqueMember(value.parsed, name), 'finds another member')
      mustEqual([...members.keys()].toSorted(), Object.keys(Object(value.parsed)).toSorted(), 'misses a member')
      for (const [name, span] of nested.get('params') ?? []) {
        mustEqual(
          token(span),
          uniqueMember(uniqueMember(value.parsed, 'params'), name),
          'finds another member of params',
        )
      }
    }),
  },
]

/** What is said of a context must be what a JSON parser reads in it, and must fit into a statement. */
function context(kind: StatementKind, seeds: readonly Uint8Array[]): Target {
  return {
    name: `describe-${kind}`,
    format: 'json',
    codes: kind === 'request' ? ['context-refused'] : [],
    seeds,
    tokens: RPC_TOKENS,
    run: parses(
      (bytes) => describeContext(kind, bytes),
      ({ method, id }, bytes) => {
        must(method === undefined || isMethod(method), 'describes a method that no statement can carry')
        must(id === undefined || isIdToken(id), 'describes an id that no statement can carry')
        const read = jsonOf(kind === 'event' ? (eventData(bytes) ?? new Uint8Array(0)) : bytes)
        const nobodyReads = !read.valid && method === undefined && id === undefined
        if (nobodyReads) return must(kind !== 'request' || bytes.length === 0, 'lets through what is no JSON')
        must(method === undefined || uniqueMember(read.parsed, 'method') === method, 'describes another method')
        if (id !== undefined) mustEqual(JSON.parse(id), uniqueMember(read.parsed, 'id'), 'describes another id')
      },
    ),
  }
}

async function* pieces(bytes: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  yield* cutUp(bytes, random)
}

async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function lines(bytes: Uint8Array, random: Random): Promise<void> {
  const limit = random.pick([16, 4096, 1024 * 1024] as const)
  const flat = async (input: AsyncIterable<Uint8Array>): Promise<unknown[]> =>
    (await gathered(readLines(input, limit))).flatMap((line) => [line.bytes, line.complete])
  mustEqualEach(await flat(pieces(bytes, random)), await flat(whole(bytes)), 'cuts other lines in pieces')
}

async function journal(bytes: Uint8Array, random: Random): Promise<void> {
  const expected = await gathered(readJournal(whole(bytes)))
  mustEqualEach(await gathered(readJournal(pieces(bytes, random))), expected, 'reads something else in pieces')
}

/** What an index says lies within what it says that it covers. */
function index(bytes: Uint8Array): void {
  const end = bytes.indexOf(10)
  const header = parseIndexHeader(bytes.subarray(0, end < 0 ? bytes.length : end))
  const body = parseIndexBody(bytes.subarray(end + 1), header)
  for (const { start, length, batch, sid } of body.records) {
    must(start + length < header.covered, 'leads behind the end')
    must(body.batches[batch] !== undefined && header.sids[sid] !== undefined, 'leads to nothing')
  }
  mustEqual(
    parseIndexBody(text(encodeIndex({ header, ...body }).split('\n')[1] ?? ''), header),
    body,
    'writes another one',
  )
}

/** No signature in the seeds holds, so whatever is made of them must not hold either. */
async function offline(bytes: Uint8Array): Promise<void> {
  const verifier = new OfflineVerifier(new Map([[KID, {}]]))
  const findings = await gathered(verifier.verifyFile('journal', whole(bytes)))
  for (const { record, state } of findings)
    must(record === undefined || state !== 'holds', 'says that a forged record holds')
  findings.push(...verifier.finish())
  must(verifier.summary.exitCode !== 0, 'says that a forged journal holds')
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'object' && value !== null ? 'object' : 'scalar'
}
