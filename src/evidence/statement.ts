import { parseStrictJson } from '../contracts/strictJson.ts'
import { encodeUtf8 } from '../crypto/encoding.ts'
import { badStatement } from './errors.ts'
import type { Direction, Draft, Statement, StatementKind } from './types.ts'

/** What a statement says, without the two members that are the same in all of them. */
export type StatementFields = Omit<Statement, 'v' | 'typ'>

/** Longest statement in bytes: more than the longest that the limits below allow, far less than a record. */
export const MAX_STATEMENT_BYTES = 4096
/** Longest context in bytes (docs/PROTOCOL.md, "Alerts and limits"). */
export const MAX_CONTEXT_BYTES = 16 * 1024 * 1024
/** Longest method in UTF-16 units and longest id token in bytes that a statement carries. */
export const MAX_METHOD_LENGTH = 256
export const MAX_ID_BYTES = 256
/** What a `close` says for its server: it belongs to the session. */
export const NO_SERVER = '-'

const SERVER = /^[A-Za-z0-9._-]{1,64}$/
const REASON = /^[\x20-\x7e]{1,64}$/
const ID_TOKEN = /^(?:"[^]*"|-?[0-9][0-9.eE+-]*|null)$/
const SURROGATE = /\p{Surrogate}/u
const BASE64URL = /^[A-Za-z0-9_-]*$/
/** The last character of 32 bytes in base64url carries 4 bits of them; the unused 2 are zero in the only accepted spelling. */
const LAST_OF_32 = /[AEIMQUYcgkosw048]$/

/** Which way a kind travels, and what it must (true), may (undefined) or must not (false) say beside the common members. */
interface Rule {
  readonly dir: Direction | undefined
  readonly described: boolean
  readonly req: boolean | undefined
  readonly end: boolean
}

const RULES: Readonly<Record<StatementKind, Rule>> = {
  request: { dir: 'c2s', described: true, req: false, end: false },
  head: { dir: 's2c', described: false, req: true, end: false },
  response: { dir: 's2c', described: true, req: true, end: false },
  event: { dir: 's2c', described: true, req: true, end: false },
  end: { dir: 's2c', described: false, req: true, end: true },
  cancel: { dir: 'c2s', described: false, req: undefined, end: false },
  close: { dir: undefined, described: false, req: false, end: false },
}

/** Whether a context of this kind is a JSON-RPC message, of which the statement says method and id. */
export function isDescribed(kind: StatementKind): boolean {
  return RULES[kind].described
}

/** A server's name: 1 to 64 of A-Z a-z 0-9 . _ - (docs/PROTOCOL.md, "Statement"). */
export function isServerName(name: string): boolean {
  return SERVER.test(name)
}

/**
 * The exact bytes of a statement: UTF-8 JSON, members in the order of docs/PROTOCOL.md, no white space.
 * @throws EvidenceError `statement-invalid` for fields that `parseStatement` would refuse
 */
export function encodeStatement(fields: StatementFields): Uint8Array {
  const members = membersOf(fields)
  // What this end would not accept it does not sign: a mistake shows here, not as an alert of the other end.
  checkMembers(members)
  return encodeUtf8(JSON.stringify(members))
}

/** In the order in which they are written. JSON.stringify drops those that are undefined: no optional member needs a branch. */
function membersOf(fields: StatementFields): Members {
  const { sid, dir, seq, kind, server, exchange, head, method, id, ts, aud, salt, ctx, prev, req, ack, end } = fields
  return {
    v: 1,
    typ: 'countersign-statement',
    sid,
    dir,
    seq,
    kind,
    server,
    exchange,
    head,
    method,
    id,
    ts,
    aud,
    salt,
    ctx: { alg: ctx.alg, digest: ctx.digest, length: ctx.length },
    prev,
    req,
    ack: { seq: ack.seq, head: ack.head },
    end: end === undefined ? undefined : { events: end.events, reason: end.reason },
  }
}

/**
 * Reads a statement strictly: exactly the members of docs/PROTOCOL.md, "Statement", each of its type and length, present
 * where its kind needs it and absent where it does not. The bytes are what is signed; nothing else derives from this value.
 * @throws EvidenceError `statement-invalid`, alert 110
 */
export function parseStatement(bytes: Uint8Array): Statement {
  if (bytes.length > MAX_STATEMENT_BYTES) throw badStatement('A statement is longer than 4096 bytes.')
  let value: unknown
  try {
    value = parseStrictJson(bytes)
  } catch (cause) {
    throw badStatement('A statement is not strict JSON.', cause)
  }
  return checkMembers(value)
}

const MEMBERS = 'v typ sid dir seq kind server exchange head method id ts aud salt ctx prev req ack end'.split(' ')

function checkMembers(value: unknown): Statement {
  const members = exactly(value, 'body', MEMBERS)
  const { v, typ, sid, dir, seq, kind, server, exchange, head, ts, aud, salt, prev } = members
  need(v === 1 && typ === 'countersign-statement', 'is not of version 1')
  need(dir === 'c2s' || dir === 's2c', 'has an unknown direction')
  need(isKind(kind), 'has an unknown kind')
  need(typeof server === 'string' && isServerName(server), 'has an invalid server name')
  need(isCount(seq) && isCount(exchange) && isCount(ts), 'has an invalid sequence, exchange or time')
  need(isDigest(sid) && isDigest(head) && isDigest(prev), 'has a digest that is not 48 bytes')
  need(is32Bytes(aud) && is32Bytes(salt), 'has an audience or a salt that is not 32 bytes')
  needOf(kind, RULES[kind].dir === undefined || RULES[kind].dir === dir, 'travels the wrong way')
  need(kind !== 'close' || server === NO_SERVER, 'that closes the session names a server')
  // Exchanges are numbered from 1; 0 is what belongs to none.
  need((kind === 'close') === (exchange === 0), `of kind ${kind} has exchange ${exchange}`)
  const ctx = checkContext(members['ctx'])
  const ack = checkAck(members['ack'])
  const statement: Statement = { v, typ, sid, dir, seq, kind, server, exchange, head, ts, aud, salt, ctx, prev, ack }
  return addOptional(statement, members)
}

function checkContext(value: unknown): Statement['ctx'] {
  const { alg, digest, length } = exactly(value, 'ctx', ['alg', 'digest', 'length'])
  need(alg === 'sha-384' && isDigest(digest), 'has an invalid context digest')
  need(isCount(length) && length <= MAX_CONTEXT_BYTES, 'has an invalid context length')
  return { alg, digest, length }
}

function checkAck(value: unknown): Statement['ack'] {
  const { seq, head } = exactly(value, 'ack', ['seq', 'head'])
  need(isCount(seq) && isDigest(head), 'has an invalid acknowledgement')
  return { seq, head }
}

/** Adds the members whose presence the kind decides. */
function addOptional(statement: Draft<Statement>, { method, id, req, end }: Members): Statement {
  const { kind } = statement
  const rule = RULES[kind]
  needOf(kind, rule.described || (method === undefined && id === undefined), 'has a method or an id')
  need(method === undefined || isMethod(method), 'has an invalid method')
  need(id === undefined || isIdToken(id), 'has an invalid id')
  needOf(kind, rule.req !== true || req !== undefined, 'names no request')
  needOf(kind, rule.req !== false || req === undefined, 'names a request')
  need(req === undefined || isDigest(req), 'names a request by something else than its digest')
  needOf(kind, rule.end === (end !== undefined), rule.end ? 'must say how it ended' : 'must not say how it ended')
  if (method !== undefined) statement.method = method
  if (id !== undefined) statement.id = id
  if (req !== undefined) statement.req = req
  if (rule.end) statement.end = checkEnd(end)
  return statement
}

function checkEnd(value: unknown): NonNullable<Statement['end']> {
  const { events, reason } = exactly(value, 'end', ['events', 'reason'])
  need(isCount(events), 'has an invalid number of events')
  need(typeof reason === 'string' && REASON.test(reason), 'has an invalid reason of its end')
  return { events, reason }
}

/** A JSON object of which nothing is known yet. */
export type Members = Readonly<Record<string, unknown>>

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Fails closed on members that are not known: one that a later version gave a meaning must not pass unread. */
function exactly(value: unknown, what: string, names: readonly string[]): Members {
  if (!isMembers(value)) throw badStatement(`A statement has a ${what} that is not an object.`)
  for (const name in value) {
    if (!names.includes(name)) throw badStatement(`A statement has a ${what} with a member that is not known.`)
  }
  return value
}

function need(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw badStatement(`A statement ${complaint}.`)
}

/** The sentence is put together only where it is said. */
function needOf(kind: StatementKind, condition: boolean, complaint: string): void {
  if (!condition) throw badStatement(`A statement of kind ${kind} ${complaint}.`)
}

function isKind(value: unknown): value is StatementKind {
  // Object.hasOwn, because "constructor" is in every object.
  return typeof value === 'string' && Object.hasOwn(RULES, value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
}

/** A method that a statement can carry: short enough, and without half a surrogate pair, which has no UTF-8. */
export function isMethod(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_METHOD_LENGTH && !SURROGATE.test(value)
}

/** The exact token of a JSON-RPC id (a string with its quotes, a number, or null), short enough to be stated, and with a UTF-8. */
export function isIdToken(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    ID_TOKEN.test(value) &&
    Buffer.byteLength(value) <= MAX_ID_BYTES &&
    !SURROGATE.test(value)
  )
}

/** 48 bytes are 64 characters without unused bits: the alphabet and the length are all there is to check. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && value.length === 64 && BASE64URL.test(value)
}

/** 32 bytes (a kid, a salt): 43 characters of base64url. */
export function is32Bytes(value: unknown): value is string {
  return typeof value === 'string' && value.length === 43 && BASE64URL.test(value) && LAST_OF_32.test(value)
}
