import { Buffer } from 'node:buffer'
import * as v from 'valibot'

/** What a request asks for, for people: its method, and the tool of a tools/call. */
export interface Question {
  readonly method?: string
  readonly tool?: string
}

const Named = v.object({ method: v.string() })
const Call = v.object({ params: v.object({ name: v.string() }) })
/** Larger arguments are not parsed for the sake of a name in a list. */
const LARGEST = 256 * 1024

export function questionOf(method: string | undefined, body: Uint8Array | undefined): Question {
  if (method === undefined) return {}
  const tool = method === 'tools/call' && body !== undefined && body.length <= LARGEST ? toolOf(body) : undefined
  return tool === undefined ? { method } : { method, tool }
}

/** The same of a request that is not signed yet, so that nothing says its method: read from the body alone. */
export function peekQuestion(kind: string, body: Uint8Array): Question {
  if (kind !== 'request' || body.length === 0 || body.length > LARGEST) return {}
  const named = v.safeParse(Named, parsed(body))
  return named.success ? questionOf(named.output.method.slice(0, 256), body) : {}
}

function toolOf(body: Uint8Array): string | undefined {
  const call = v.safeParse(Call, parsed(body))
  return call.success ? call.output.params.name : undefined
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch {
    // Not JSON: a list can do without a name, and whoever opens the context sees the bytes.
    return undefined
  }
}
