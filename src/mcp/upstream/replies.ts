import type { Responder } from '../exchange/gateway.ts'
import type { Header } from '../exchange/head.ts'
import type { Message } from '../message.ts'

const EMPTY = new Uint8Array()
const JSON_BODY: readonly Header[] = [['content-type', 'application/json']]

/** The status by which Streamable HTTP says that an MCP session is over: the client then begins a new one. */
export function notFound(respond: Responder): void {
  refuse(respond, 404, 'Countersign: there is no such MCP session. It has ended, or belongs to another client.')
}

export function accepted(respond: Responder): void {
  respond.body(202, [], EMPTY)
}

/** UnsupportedProtocolVersion, as the stateless revision has it. */
export function unsupported(respond: Responder, request: Message, supported: readonly string[]): void {
  const data = { supported, requested: request.protocolVersion, code: 'context-refused' }
  const message = 'Countersign: the server does not have this protocol version. Nothing was passed on.'
  const error = JSON.stringify({ code: -32022, message, data })
  respond.body(400, JSON_BODY, Buffer.from(`{"jsonrpc":"2.0","id":${request.id ?? 'null'},"error":${error}}`))
}

/** A refusal of an HTTP request that is no JSON-RPC call. */
export function refuse(respond: Responder, status: number, message: string): void {
  const body = { jsonrpc: '2.0', id: null, error: { code: 1000, message, data: { code: 'context-refused' } } }
  const headers = status === 405 ? [...JSON_BODY, ['allow', 'POST'] as const] : JSON_BODY
  respond.body(status, headers, Buffer.from(JSON.stringify(body)))
}
