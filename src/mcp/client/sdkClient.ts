import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { Implementation, ServerCapabilities, Tool } from '@modelcontextprotocol/sdk/types.js'
import { toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { ExchangeClient } from '../exchange/client.ts'
import { SessionTransport } from './sdkTransport.ts'

export interface ServerInspection {
  readonly serverInfo: Implementation | undefined
  readonly protocolVersion: string | undefined
  readonly capabilities: ServerCapabilities
  readonly instructions: string | undefined
  /** In the server's order; empty for a server without tools. */
  readonly tools: readonly Tool[]
}

const CLIENT: Implementation = { name: 'countersign', version: '0.1.0' }
const MAX_PAGES = 64
const TIMEOUT = 30_000

/**
 * Asks a server who it is and what it can do, in an MCP session of its own that is ended again.
 * @throws CountersignError what the session or the server failed with; `internal` with the SDK's error as its cause
 */
export async function inspectServer(
  client: ExchangeClient,
  server: string,
  signal?: AbortSignal,
): Promise<ServerInspection> {
  const mcp = new Client(CLIENT)
  const transport = new SessionTransport(client, server)
  const options = { timeout: TIMEOUT, ...(signal === undefined ? {} : { signal }) }
  try {
    await mcp.connect(transport, options)
    const capabilities = mcp.getServerCapabilities() ?? {}
    const tools: Tool[] = []
    let cursor: string | undefined
    for (let page = 0; capabilities.tools !== undefined && page < MAX_PAGES; page += 1) {
      const list = await mcp.listTools(cursor === undefined ? {} : { cursor }, options)
      tools.push(...list.tools)
      cursor = list.nextCursor
      if (cursor === undefined) break
    }
    return {
      serverInfo: mcp.getServerVersion(),
      protocolVersion: transport.protocolVersion,
      capabilities,
      instructions: mcp.getInstructions(),
      tools,
    }
  } catch (thrown) {
    throw (
      transport.failure ?? toCountersignError(thrown, said`The server ${server} did not answer as an MCP server does.`)
    )
  } finally {
    await mcp.close().catch(() => {})
  }
}
