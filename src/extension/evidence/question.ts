import { Buffer } from 'node:buffer'
import * as v from 'valibot'

/** What a request asks for, for people: its method, and the tool of a tools/call. */
export interface Question {
  readonly method?: string
  readonly tool?: string
}

const Call = v.object({ params: v.object({ name: v.string() }) })
/** Larger arguments are not parsed for the sake of a name in a list. */
const LARGEST = 256 * 1024

export function questionOf(method: string | undefined, body: Uint8Array | undefined): Question {
  if (method === undefined) return {}
  const tool = method === 'tools/call' && body !== undefined && body.length <= LARGEST ? toolOf(body) : undefined
  return tool === undefined ? { method } : { method, tool }
}

function toolOf(body: Uint8Array): string | undefined {
  try {
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
    const call = v.safeParse(Call, JSON.parse(text))
    return call.success ? call.output.params.name : undefined
  } catch {
    // Not JSON: a list can do without a name, and whoever opens the context sees the bytes.
    return undefined
  }
}
