import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { signingInput as jwsSigningInput } from '../../../src/crypto/jws.ts'
import { leafHash } from '../../../src/crypto/merkle.ts'
import { buildBatch, sealBatch } from '../../../src/evidence/batch.ts'
import { chainNext, chainStart } from '../../../src/evidence/chain.ts'
import { encodeStatement, type StatementFields } from '../../../src/evidence/statement.ts'
import { encodeRequestHead, encodeResponseHead } from '../../../src/mcp/exchange/head.ts'
import { SealingDirection } from '../../../src/session/channel/protection.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import {
  encodeAck,
  encodeAlertRecord,
  encodeBatch,
  encodeFragment,
  encodePing,
  encodeReady,
  encodeWindows,
} from '../../../src/session/contexts/messages.ts'
import type { HandshakeVector } from './handshake.ts'
import { type FixedIdentity, fixed, hex } from './inputs.ts'

export const TIME = 1_790_000_000_000
const NONE = new Uint8Array(0)

/** One call and its answer on the session of a handshake: every record of both directions, in the order of its sequence. */
export function contextsVector({ secrets, client, server }: HandshakeVector): object {
  const sid = encodeBase64url(secrets.conn)
  const head = encodeRequestHead({
    method: 'POST',
    headers: [
      ['accept', 'application/json, text/event-stream'],
      ['content-type', 'application/json'],
    ],
  })
  const body = encodeUtf8('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
  const start = { c2s: chainStart(sid, 'c2s'), s2c: chainStart(sid, 's2c') }
  const common = { sid, ts: TIME, server: 'files', exchange: 1 }
  const request = encodeStatement({
    ...common,
    dir: 'c2s',
    seq: 0,
    kind: 'request',
    head: digest(head),
    method: 'tools/list',
    id: '1',
    aud: server.kid,
    salt: encodeBase64url(fixed('salt of the request', 32)),
    ctx: contextOf(body),
    prev: encodeBase64url(start.c2s),
    ack: { seq: 0, head: encodeBase64url(start.s2c) },
  })
  const asked = batchOf([request], client)

  const answerHead = encodeResponseHead({ status: 200, headers: [['content-type', 'application/json']] })
  const answer = encodeUtf8('{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}')
  const ack = { seq: 1, head: encodeBase64url(chainNext(start.c2s, request)) }
  const answering = { ...common, dir: 's2c', aud: client.kid, req: digest(request), ack } as const
  const response = encodeStatement({
    ...answering,
    seq: 0,
    kind: 'response',
    head: digest(answerHead),
    id: '1',
    salt: encodeBase64url(fixed('salt of the response', 32)),
    ctx: contextOf(answer),
    prev: encodeBase64url(start.s2c),
  })
  const end = encodeStatement({
    ...answering,
    seq: 1,
    kind: 'end',
    head: digest(NONE),
    salt: encodeBase64url(fixed('salt of the end', 32)),
    ctx: contextOf(NONE),
    prev: encodeBase64url(chainNext(start.s2c, response)),
    end: { events: 0, reason: 'complete' },
  } satisfies StatementFields)
  const answered = batchOf([response, end], server)
  const third = batchOf([request, response, end], client)

  const c2s = recorder(new SealingDirection(copy(secrets.client), 0))
  const s2c = recorder(new SealingDirection(copy(secrets.server), 0))
  s2c.seal('Ready', RECORD.Ready, encodeReady({ serverTime: TIME, sid: secrets.conn, resumed: null }))
  const piece = { exchange: 1, transfer: 0, offset: 0 }
  c2s.seal('Fragment', RECORD.Fragment, encodeFragment({ ...piece, total: body.length, bytes: body }))
  c2s.seal(
    'Batch',
    RECORD.Batch,
    encodeBatch({ jws: asked.jws, entries: [{ statement: request, index: 0, proof: [], transfer: 0, head }] }),
  )
  s2c.seal('Ack', RECORD.Ack, encodeAck({ seq: 1, head: chainNext(start.c2s, request) }))
  s2c.seal('Window', RECORD.Window, encodeWindows([{ exchange: 0, bytes: 1024 + head.length + body.length }]))
  s2c.seal('Fragment', RECORD.Fragment, encodeFragment({ ...piece, total: answer.length, bytes: answer }))
  s2c.seal(
    'Batch',
    RECORD.Batch,
    encodeBatch({
      jws: answered.jws,
      entries: [
        { statement: response, index: 0, proof: answered.proofs[0] ?? [], transfer: 0, head: answerHead },
        { statement: end, index: 1, proof: answered.proofs[1] ?? [], transfer: null, head: NONE },
      ],
    }),
  )
  c2s.seal('Ping', RECORD.Ping, encodePing(1))
  s2c.seal('Pong', RECORD.Pong, encodePing(1))
  c2s.seal('Alert', RECORD.Alert, encodeAlertRecord(0, ''))
  return {
    sid,
    chains: { c2s: hex(start.c2s), s2c: hex(start.s2c), 'c2s after the request': hex(chainNext(start.c2s, request)) },
    request: { head: hex(head), body: text(body), statement: text(request), batch: asked.json },
    answer: {
      head: hex(answerHead),
      body: text(answer),
      statements: [text(response), text(end)],
      batch: answered.json,
    },
    /** Not sent: a tree of three leaves, whose shape two do not show. */
    threeLeaves: third.json,
    records: { client: c2s.records, server: s2c.records },
  }
}

/** A batch with a deterministic signature. */
function batchOf(statements: readonly Uint8Array[], signer: FixedIdentity) {
  const unsigned = buildBatch(statements, signer)
  const input = jwsSigningInput(unsigned.protectedHeader, unsigned.payload)
  const { jws, proofs } = sealBatch(unsigned, signer.sign(input))
  const json = {
    leaves: statements.map((statement) => hex(leafHash(statement))),
    root: hex(unsigned.root),
    proofs: proofs.map((proof) => proof.map(hex)),
    signingInput: text(input),
    jws: text(jws),
  }
  return { jws, proofs, json }
}

function recorder(direction: SealingDirection) {
  const records: object[] = []
  const seal = (name: string, type: number, payload: Uint8Array): void => {
    records.push({ name, payload: hex(payload), frame: hex(direction.seal(type, payload)) })
  }
  return { records, seal }
}

/** The direction wipes what it is given when it ends. */
function copy({ key, iv }: { key: Uint8Array; iv: Uint8Array }) {
  return { key: key.slice(), iv: iv.slice() }
}

const digest = (bytes: Uint8Array): string => encodeBase64url(sha384(bytes))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const contextOf = (bytes: Uint8Array) => ({ alg: 'sha-384' as const, digest: digest(bytes), length: bytes.length })
