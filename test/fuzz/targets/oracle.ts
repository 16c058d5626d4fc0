import { isUtf8 } from 'node:buffer'
import { isRecord } from '../../../src/contracts/strictJson.ts'

/** What a parser that everybody uses reads in the same bytes. */
export function jsonOf(bytes: Uint8Array): { readonly valid: boolean; readonly parsed?: unknown } {
  if (!isUtf8(bytes)) return { valid: false }
  try {
    return { valid: true, parsed: JSON.parse(Buffer.from(bytes).toString('utf8')) }
  } catch {
    return { valid: false }
  }
}

/** An own member: "constructor" is in every object, but not in every document. */
export function uniqueMember(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Member names of JSON-RPC that decide something here, and what some readers take for them. */
export const RPC_TOKENS = [
  'jsonrpc',
  'id',
  'ID',
  'method',
  'params',
  'result',
  'error',
  'name',
  'arguments',
  'uri',
  'requestId',
  'progressToken',
  '_meta',
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol~1protocolVersion',
  'io.modelcontextprotocol/subscriptionId',
  'params/name',
  'params~1name',
  '__proto__',
  '\\u0069d',
  '\\ud800',
  '1e999',
]
