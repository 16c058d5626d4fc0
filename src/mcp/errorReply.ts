import { type CountersignError, type ErrorCode } from '../support/errors.ts'
import type { Header } from './exchange/head.ts'
import { answerId } from './message.ts'

/** An HTTP response that carries an error of ours. */
export interface ErrorReply {
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: Uint8Array
}

/**
 * JSON-RPC codes of our errors. They are positive: -32768 to -32000 is JSON-RPC's, -32020 to -32099 the specification's, and
 * an agent must never take a refusal of ours for an answer of the server. Programs should read `data.code` instead. The two
 * that are not are what the specification wants from whoever compares a header with a body.
 */
const CODES: Partial<Record<ErrorCode, number>> = {
  'signer-unavailable': 1001,
  'signer-timeout': 1002,
  'session-closed': 1010,
  'session-refused': 1011,
  'gateway-unreachable': 1012,
  'peer-unknown': 1013,
  'peer-changed': 1014,
  'peer-protocol': 1015,
  'outcome-unknown': 1020,
  cancelled: 1021,
  limit: 1022,
  'context-refused': 1030,
  'header-mismatch': -32020,
  'envelope-missing': -32602,
  'server-unknown': 1040,
  'server-start': 1041,
  'server-gone': 1042,
  upstream: 1043,
  unauthorized: 1050,
  forbidden: 1051,
}
const OTHER = 1000

const STATUS: Partial<Record<ErrorCode, number>> = {
  'context-refused': 400,
  'server-unknown': 404,
  limit: 413,
  upstream: 502,
  'server-start': 502,
  'server-gone': 502,
  'outcome-unknown': 502,
  unauthorized: 502,
  forbidden: 502,
  internal: 500,
}
const UNAVAILABLE = 503

/** Statuses that the specification wants also where the answer has an id: the agent's SDK acts on them. */
const SPECIFIED: Partial<Record<ErrorCode, number>> = { 'header-mismatch': 400, 'envelope-missing': 400 }

/** A JSON-RPC error message. `id` is the exact token of the request's id; without one it is null. */
export function errorMessage(error: CountersignError, id: string | undefined): Uint8Array {
  const body = {
    code: CODES[error.code] ?? OTHER,
    message: `Countersign: ${error.message}`,
    data: { code: error.code },
  }
  return Buffer.from(`{"jsonrpc":"2.0","id":${id ?? 'null'},"error":${JSON.stringify(body)}}`)
}

/**
 * What an agent is answered instead of the server's response. A request is answered with 200: agents show a JSON-RPC
 * error to the person, while of other statuses they show a number, retry, or (401) start OAuth. What wants no answer
 * gets a status of its own, since only that tells its sender that it did not arrive.
 */
export function errorReply(error: CountersignError, requestBody: Uint8Array): ErrorReply {
  const id = answerId(requestBody)
  return {
    status: SPECIFIED[error.code] ?? (id === undefined ? (STATUS[error.code] ?? UNAVAILABLE) : 200),
    headers: [['content-type', 'application/json']],
    body: errorMessage(error, id),
  }
}
