import { asBytes, asList, asText, asUint, type CborValue, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { HASH_LENGTH } from '../../crypto/hash.ts'
import { MAX_STATEMENT_BYTES } from '../../evidence/statement.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { MAX_PLAINTEXT } from '../channel/record.ts'
import { MAX_ALERT_TEXT, MAX_BATCH, MAX_CONTEXT, MAX_FRAGMENT, MAX_HEAD } from '../limits.ts'
import { encodeAnswer, parseAnswer, type ResumeAnswer } from '../resume/offer.ts'

/** Payloads of records: deterministic CBOR arrays, as docs/PROTOCOL.md, "Records", has them. Parsers throw `decode`. */

/** `[exchange, transfer, offset, total, bytes]`: a piece of a body, 1 byte to 192 KiB, in order of offset. */
export interface Fragment {
  readonly exchange: number
  /** Numbers the bodies of one direction, from 0, each used once. */
  readonly transfer: number
  readonly offset: number
  readonly total: number
  readonly bytes: Uint8Array
}

export function encodeFragment({ exchange, transfer, offset, total, bytes }: Fragment): Uint8Array {
  return encodeCbor([exchange, transfer, offset, total, bytes])
}

export function parseFragment(payload: Uint8Array): Fragment {
  const [exchange, transfer, offset, total, piece] = list(payload, 'A Fragment', 5)
  const bytes = asBytes(piece, 'A Fragment', { max: MAX_FRAGMENT })
  if (bytes.length === 0) throw new SessionError(ALERT.decode, 'A Fragment is empty.')
  return {
    exchange: asUint(exchange, 'A Fragment', Number.MAX_SAFE_INTEGER, 1),
    transfer: asUint(transfer, 'A Fragment'),
    offset: asUint(offset, 'A Fragment', MAX_CONTEXT),
    total: asUint(total, 'A Fragment', MAX_CONTEXT, 1),
    bytes,
  }
}

/**
 * `[statement, index, [proof…], transfer or null, head]`; null where the body is empty. The size of the batch is in its signed
 * payload and nowhere else: a second one would be a member that nobody checks.
 */
export interface BatchEntry {
  readonly statement: Uint8Array
  readonly index: number
  readonly proof: readonly Uint8Array[]
  readonly transfer: number | null
  readonly head: Uint8Array
}

/** `[jws, [entry…]]`: the statements of one batch that belong to this session, in order of sequence. */
export interface Batch {
  readonly jws: Uint8Array
  readonly entries: readonly BatchEntry[]
}

const MAX_JWS = 8192
const MAX_PROOF = 6

export function encodeBatch({ jws, entries }: Batch): Uint8Array {
  return encodeCbor([
    jws,
    entries.map(({ statement, index, proof, transfer, head }) => [statement, index, proof, transfer, head]),
  ])
}

export function parseBatch(payload: Uint8Array): Batch {
  const [jws, entries] = list(payload, 'A Batch', 2)
  const items = asList(entries, 'A Batch', { max: MAX_BATCH })
  if (items.length === 0) throw new SessionError(ALERT.decode, 'A Batch is empty.')
  return { jws: asBytes(jws, 'A Batch', { max: MAX_JWS }), entries: items.map(parseEntry) }
}

function parseEntry(value: CborValue): BatchEntry {
  const [statement, index, proof, transfer, head] = asList(value, 'A Batch entry', 5)
  return {
    statement: asBytes(statement, 'A statement', { max: MAX_STATEMENT_BYTES }),
    index: asUint(index, 'A leaf index', MAX_BATCH - 1),
    proof: asList(proof, 'A proof', { max: MAX_PROOF }).map((node) => asBytes(node, 'A proof', HASH_LENGTH)),
    transfer: transfer === null ? null : asUint(transfer, 'A transfer'),
    head: asBytes(head, 'A head', { max: MAX_HEAD }),
  }
}

/** `[seq, head]`: how many statements were verified and released, and the chain head after them. */
export interface Ack {
  readonly seq: number
  readonly head: Uint8Array
}

export function encodeAck({ seq, head }: Ack): Uint8Array {
  return encodeCbor([seq, head])
}

export function parseAck(payload: Uint8Array): Ack {
  const [seq, head] = list(payload, 'An Ack', 2)
  return { seq: asUint(seq, 'An Ack'), head: asBytes(head, 'An Ack', HASH_LENGTH) }
}

/** `[[exchange, bytes]…]`, 1 to 256 pairs: credit that is given back; exchange 0 is that of the session. */
export interface Window {
  readonly exchange: number
  readonly bytes: number
}

export const MAX_WINDOWS = 256

export function encodeWindows(windows: readonly Window[]): Uint8Array {
  return encodeCbor(windows.map(({ exchange, bytes }) => [exchange, bytes]))
}

export function parseWindows(payload: Uint8Array): Window[] {
  const pairs = asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), 'A Window', { max: MAX_WINDOWS })
  return pairs.map((pair) => {
    const [exchange, bytes] = asList(pair, 'A Window', 2)
    return { exchange: asUint(exchange, 'A Window'), bytes: asUint(bytes, 'A Window', Number.MAX_SAFE_INTEGER, 1) }
  })
}

/** `[transfer]`: the rest of this body will not come, and no statement names it. */
export function encodeAbort(transfer: number): Uint8Array {
  return encodeCbor([transfer])
}

export function parseAbort(payload: Uint8Array): number {
  return asUint(list(payload, 'An Abort', 1)[0], 'An Abort')
}

/** `[u64]`, echoed in Pong. */
export function encodePing(value: number): Uint8Array {
  return encodeCbor([value])
}

export function parsePing(payload: Uint8Array): number {
  return asUint(list(payload, 'A Ping', 1)[0], 'A Ping')
}

/** `[code, text]`, the text at most 200 characters and for the log only. */
export interface AlertMessage {
  readonly code: number
  readonly text: string
}

export function encodeAlertRecord(code: number, text: string): Uint8Array {
  return encodeCbor([code, text.slice(0, MAX_ALERT_TEXT)])
}

export function parseAlertRecord(payload: Uint8Array): AlertMessage {
  const [code, text] = list(payload, 'An Alert', 2)
  return { code: asUint(code, 'An Alert', 255), text: asText(text, 'An Alert', MAX_ALERT_TEXT) }
}

/**
 * `[server time in ms, sid (48 bytes), resumed]`: the first record of a connection. `resumed` is null where the client asked
 * for no session, false where it asked for one that is not to be had (then sid is that of a new session), else
 * `[count, head, sent, held]` of the gateway.
 */
export interface Ready {
  readonly serverTime: number
  readonly sid: Uint8Array
  readonly resumed: ResumeAnswer
}

export function encodeReady({ serverTime, sid, resumed }: Ready): Uint8Array {
  return encodeCbor([serverTime, sid, encodeAnswer(resumed)])
}

export function parseReady(payload: Uint8Array): Ready {
  const [serverTime, sid, resumed] = list(payload, 'Ready', 3)
  return {
    serverTime: asUint(serverTime, 'Ready'),
    sid: asBytes(sid, 'Ready', HASH_LENGTH),
    resumed: parseAnswer(resumed),
  }
}

/** Bytes that an entry takes in a Batch, at most: what a sender splits long batches by. */
export function entrySize({ statement, proof, head }: BatchEntry): number {
  const framing = 64
  return statement.length + head.length + proof.length * (HASH_LENGTH + 2) + framing
}

function list(payload: Uint8Array, what: string, length: number): readonly CborValue[] {
  return asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), what, length)
}
