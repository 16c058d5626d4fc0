import type { Header } from '../exchange/head.ts'
import { encodeHeaderText } from '../exchange/mcpHeaders.ts'
import { type Message, STATELESS } from '../message.ts'
import { type Mirrored, mirrorHeader } from '../mirroredArguments.ts'

/** The headers of a POST that carries `message`, without those of the MCP session. */
export function postHeaders(message: Message, mirrored: readonly Mirrored[]): readonly Header[] {
  const headers: Header[] = [
    ['content-type', 'application/json'],
    ['accept', 'application/json, text/event-stream'],
  ]
  if (message.method === undefined || (message.protocolVersion ?? '') < STATELESS) return headers
  headers.push(['mcp-method', message.method])
  const name = message.method === 'resources/read' ? message.uri : message.name
  if (name !== undefined) headers.push(['mcp-name', encodeHeaderText(name)])
  return [...headers, ...mirrored.map(mirrorHeader)]
}
