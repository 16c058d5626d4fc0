import type { Header } from './exchange/head.ts'
import { encodeHeaderText } from './exchange/mcpHeaders.ts'

type Scalar = string | number | boolean

interface Mirror {
  /** In lower case, `mcp-param-` included. */
  readonly header: string
  /** Names of members, from the arguments on. */
  readonly path: readonly string[]
}

/** An argument that a header has to repeat. */
export interface Mirrored {
  readonly header: string
  readonly value: Scalar
}

/** A server's list is its own business; what is kept of it is not. */
const MAX_TOOLS = 1024
const MAX_MIRRORS = 32
const MAX_DEPTH = 8
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/

/**
 * Which arguments of a server's tools are repeated by headers `Mcp-Param-*` (`x-mcp-header` in their schemas), as far as
 * lists of its tools came by. Who turns stdio into HTTP has to add these headers, who turns HTTP into stdio to hold them
 * against the body: on stdio there are none.
 */
export class MirroredArguments {
  private readonly tools = new Map<string, readonly Mirror[]>()

  /** Takes note of an answer to `tools/list`. Whatever is no such answer is ignored; never throws. */
  learn(answer: Uint8Array): void {
    const tools = member(member(parsed(answer), 'result'), 'tools')
    if (!Array.isArray(tools)) return
    for (const tool of tools) {
      const name = member(tool, 'name')
      if (typeof name !== 'string') continue
      const mirrors = mirrorsIn(member(tool, 'inputSchema'))
      if (mirrors.length === 0) this.tools.delete(name)
      else if (this.tools.size < MAX_TOOLS) this.tools.set(name, mirrors)
    }
  }

  /** The arguments in this call of a tool that headers repeat. An argument that is null or not there has no header. */
  of(tool: string | undefined, call: Uint8Array): readonly Mirrored[] {
    const mirrors = this.tools.get(tool ?? '')
    // Nearly always: then the body is not parsed.
    if (mirrors === undefined) return []
    const given = member(member(parsed(call), 'params'), 'arguments')
    return mirrors.flatMap(({ header, path }) => {
      const value = path.reduce(member, given)
      return isScalar(value) ? [{ header, value }] : []
    })
  }
}

export function mirrorHeader({ header, value }: Mirrored): Header {
  return [header, encodeHeaderText(String(value))]
}

function mirrorsIn(schema: unknown, path: readonly string[] = []): readonly Mirror[] {
  const properties = member(schema, 'properties')
  if (properties === null || typeof properties !== 'object' || path.length >= MAX_DEPTH) return []
  const found = Object.entries(properties).flatMap(([name, property]): readonly Mirror[] => {
    const header: unknown = member(property, 'x-mcp-header')
    const here = [...path, name]
    const own =
      typeof header === 'string' && TOKEN.test(header)
        ? [{ header: `mcp-param-${header.toLowerCase()}`, path: here }]
        : []
    return [...own, ...mirrorsIn(property, here)]
  })
  return found.slice(0, MAX_MIRRORS)
}

function member(of: unknown, name: string): unknown {
  if (of === null || typeof of !== 'object') return undefined
  return Object.getOwnPropertyDescriptor(of, name)?.value
}

function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json).toString('utf8'))
  } catch {
    return undefined
  }
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
