// PROTOCOL.md, "Statement" and "Batch".
import { randomBytes } from 'node:crypto'
import { must } from './cbor.ts'
import type { Identity, OwnKey } from './handshake.ts'
import * as P from './primitives.ts'

export interface Context {
  readonly kind: string
  readonly server: string
  readonly exchange: number
  /** CBOR of the head of a request, a head or a response; other kinds have no bytes. */
  readonly head: Buffer
  readonly body: Buffer
  /** The statement that is answered. */
  readonly req?: string
}

/** A statement with all that proves it, as it was signed: sent again in the same bytes after a resume. */
export interface Signed {
  readonly context: Context
  readonly statement: Buffer
  readonly jws: Buffer
  readonly index: number
  readonly proof: readonly Buffer[]
}

/** The chain of one direction: heads[n] is the head after n statements. */
export class Chain {
  readonly heads: Buffer[]

  constructor(sid: Buffer, dir: 'c2s' | 's2c') {
    this.heads = [P.H(P.lp(Buffer.from('cs1 chain'), sid, Buffer.from(dir)))]
  }

  get count(): number {
    return this.heads.length - 1
  }

  head(count = this.count): Buffer {
    const head = this.heads[count]
    must(head !== undefined, 110, `no head after ${count} statements`)
    return head
  }

  add(statement: Buffer): void {
    this.heads.push(P.H(this.head(), statement))
  }
}

// "Batch": the tree of RFC 9162

const leaf = (statement: Buffer): Buffer => P.H(Buffer.of(0), statement)
const node = (left: Buffer, right: Buffer): Buffer => P.H(Buffer.of(1), left, right)

/** The largest power of two below n. */
const split = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1)

function root(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return only
  const k = split(leaves.length)
  return node(root(leaves.slice(0, k)), root(leaves.slice(k)))
}

function path(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return index < k ? [...path(index, left), root(right)] : [...path(index - k, right), root(left)]
}

/** RFC 9162 §2.1.3.2 */
function rootFrom(hash: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer {
  let [fn, sn, r] = [index, size - 1, hash]
  for (const p of proof) {
    must(sn !== 0, 110, 'a long proof')
    if (fn % 2 === 1 || fn === sn) {
      r = node(p, r)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1]
    } else r = node(r, p)
    ;[fn, sn] = [fn >> 1, sn >> 1]
  }
  must(sn === 0, 110, 'a short proof')
  return r
}

/** Signs statements with one signature. `custody` is what the identity says. */
export function signBatch(own: OwnKey, made: readonly { context: Context; statement: Buffer }[]): Signed[] {
  const leaves = made.map(({ statement }) => leaf(statement))
  const header = { alg: own.alg, typ: 'countersign-batch', kid: own.kid }
  const tree = { alg: 'sha-384', n: leaves.length, root: P.base64url(root(leaves)) }
  const payload = { v: 1, typ: 'countersign-batch', ...tree, custody: 'software' }
  const [a, b] = [header, payload].map((part) => P.base64url(Buffer.from(JSON.stringify(part))))
  const signature = P.base64url(own.sign(Buffer.from(`${a}.${b}`)))
  const jws = Buffer.from(JSON.stringify({ protected: a, payload: b, signature }))
  return made.map((one, index) => ({ ...one, jws, index, proof: path(index, leaves) }))
}

export type Json = { readonly [name: string]: unknown }

/** A JSON object with exactly these members, each in the form that its value says: a type, or the only value. */
function exactly(value: unknown, members: Json, code: number): Json {
  must(typeof value === 'object' && value !== null, code, 'an object wanted')
  const object: Json = { ...value }
  const names = Object.keys(members).sort().join()
  must(Object.keys(object).sort().join() === names, code, `members: ${Object.keys(object).join()}, not ${names}`)
  for (const [name, form] of Object.entries(members)) {
    const holds = typeof form === 'function' ? form(object[name]) : object[name] === form
    must(holds, code, `${name}: ${JSON.stringify(object[name])}`)
  }
  return object
}

const text = (value: unknown): boolean => typeof value === 'string'
const count = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
const object = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Verifies that this statement is in a batch that the gateway signed. */
export function verifyBatch(
  peer: Identity,
  jws: Buffer,
  entry: { statement: Buffer; index: number; proof: readonly Buffer[] },
): void {
  const flat = exactly(JSON.parse(jws.toString('utf8')), { protected: text, payload: text, signature: text }, 110)
  const [a, b, signature] = [flat['protected'], flat['payload'], flat['signature']].map(String)
  const parsed = (part: string | undefined): unknown =>
    JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'))
  exactly(parsed(a), { alg: peer.alg, typ: 'countersign-batch', kid: peer.kid }, 51)
  const form = { v: 1, typ: 'countersign-batch', alg: 'sha-384', n: count, root: text, custody: text }
  const payload = exactly(parsed(b), form, 110)
  const input = Buffer.from(`${a}.${b}`)
  P.verified(peer.alg, peer.pub, input, Buffer.from(signature ?? '', 'base64url'), 'the signature of a batch')
  const [{ index, proof }, size] = [entry, Number(payload['n'])]
  must(size >= 1 && size <= 64 && index < size, 110, 'index in a batch')
  must(P.base64url(rootFrom(leaf(entry.statement), index, size, proof)) === payload['root'], 110, 'a proof')
}

// "Statement"

/** Members of an object at the top level of a JSON text, in order: each name, and the exact text of its value. */
function members(json: string): [name: string, value: string][] {
  const found: [string, string][] = []
  let [depth, name, value] = [0, '', '']
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '}' || token === ']') depth -= 1
    if (depth === 1 && token === ':') [name, value] = [value, '']
    else if ((depth === 1 && token === ',') || depth === 0) {
      if (name !== '') found.push([String(JSON.parse(name)), value])
      ;[name, value] = ['', '']
    } else value += token
    if (token === '{' || token === '[') depth += 1
  }
  return found
}

const isObject = (json: string | undefined): json is string => json?.trimStart().startsWith('{') === true

/** "A message is ambiguous where …" (but for depth and number, which no server of a test reaches) */
function ambiguous(json: string, known = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']): boolean {
  const [names, folded] = [members(json).map(([name]) => name), new Set<string>()]
  for (const name of names) folded.add(name.toUpperCase().toLowerCase())
  return folded.size < names.length || known.some((name) => folded.has(name) && !names.includes(name))
}

/** `method`, and `id` as text that holds the exact token, of the JSON-RPC message in a context. */
function question(kind: string, body: Buffer): { method?: string; id?: string } {
  if (!['request', 'response', 'event'].includes(kind)) return {}
  const lines = body.toString('utf8').split(/\r\n|\r|\n/)
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5))
  const json = kind === 'event' ? data.join('\n') : body.toString('utf8')
  if (!isObject(json) || ambiguous(json)) return {}
  const { method, id, params } = Object.fromEntries(members(json))
  if (isObject(params) && ambiguous(params, ['name', 'arguments', 'uri'])) return {}
  return {
    ...(method?.startsWith('"') === true && method.length <= 258 ? { method: String(JSON.parse(method)) } : {}),
    ...(id !== undefined && !/^[{[tf]/.test(id) && Buffer.byteLength(id) <= 256 ? { id } : {}),
  }
}

/** The session as its statements see it: our chain and the gateway's. */
export interface Chains {
  readonly sid: Buffer
  readonly sent: Chain
  readonly received: Chain
}

/** The bytes of our next statement. `lie` replaces members. */
export function makeStatement(at: Chains, peer: Identity, context: Context, lie: Json = {}): Buffer {
  const members: Json = {
    v: 1,
    typ: 'countersign-statement',
    sid: P.base64url(at.sid),
    dir: 'c2s',
    seq: at.sent.count,
    kind: context.kind,
    server: context.server,
    exchange: context.exchange,
    head: P.digest(context.head),
    ...question(context.kind, context.body),
    ts: Date.now(),
    aud: peer.kid,
    salt: P.base64url(randomBytes(32)),
    ctx: { alg: 'sha-384', digest: P.digest(context.body), length: context.body.length },
    prev: P.base64url(at.sent.head()),
    ...(context.req === undefined ? {} : { req: context.req }),
    ack: { seq: at.received.count, head: P.base64url(at.received.head()) },
    ...lie,
  }
  return Buffer.from(JSON.stringify(members))
}

export interface Read {
  readonly kind: string
  readonly server: string
  readonly exchange: number
  readonly req: string | undefined
  readonly acked: number
  readonly end: unknown
}

/** Everything that a statement of the gateway has to say about itself; `again` after a resume: its clock is not compared. */
export function checkStatement(
  at: Chains & { readonly acknowledged: number },
  own: Identity,
  entry: { statement: Buffer; head: Buffer; body: Buffer },
  again: boolean,
): Read {
  must(entry.statement.length <= 4096, 21, 'a long statement')
  const json = entry.statement.toString('utf8')
  must(Buffer.from(json).equals(entry.statement), 21, 'UTF-8')
  const value: { kind?: string; seq?: number } = JSON.parse(json)
  const kind = String(value.kind)
  must(new Set(members(json).map(([name]) => name)).size === members(json).length, 110, 'a member twice')
  must(Number(value.seq) >= at.received.count, 111, 'a sequence that was used')
  const form = {
    v: 1,
    typ: 'countersign-statement',
    sid: P.base64url(at.sid),
    dir: 's2c',
    seq: at.received.count,
    kind: (given: unknown) => ['head', 'response', 'event', 'end', 'close'].includes(String(given)),
    server: kind === 'close' ? '-' : text,
    exchange: kind === 'close' ? 0 : count,
    head: P.digest(entry.head),
    ...question(kind, entry.body),
    ts: count,
    aud: own.kid,
    salt: (given: unknown) => Buffer.from(String(given), 'base64url').length === 32,
    ctx: object,
    prev: P.base64url(at.received.head()),
    ...(kind === 'close' ? {} : { req: text }),
    ack: object,
    ...(kind === 'end' ? { end: object } : {}),
  }
  const statement = exactly(value, form, 110)
  must(again || Math.abs(Date.now() - Number(statement['ts'])) <= 120_000, 112, 'clock')
  exactly(statement['ctx'], { alg: 'sha-384', digest: P.digest(entry.body), length: entry.body.length }, 110)
  const ack = exactly(statement['ack'], { seq: count, head: text }, 110)
  const seq = Number(ack['seq'])
  must(seq >= at.acknowledged && P.base64url(at.sent.head(seq)) === ack['head'], 110, 'ack')
  const end = kind === 'end' ? exactly(statement['end'], { events: count, reason: text }, 110) : undefined
  const [server, exchange] = [String(statement['server']), Number(statement['exchange'])]
  const req = kind === 'close' ? undefined : String(statement['req'])
  return { kind, server, exchange, req, acked: seq, end }
}
