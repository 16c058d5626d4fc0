import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

/**
 * The MCP server behind every chain that is measured: one tool, `echo`, on the official SDK. `stdio`, or `http`, which prints
 * {"url":…}. An ordinary one: over HTTP it keeps sessions and answers with a stream of events, as the SDK does by default.
 */
const TOOL = {
  name: 'echo',
  description: 'Returns the message it was given.',
  inputSchema: { type: 'object' as const, properties: { message: { type: 'string' } }, required: ['message'] },
  annotations: { readOnlyHint: true, openWorldHint: false },
}

function createEcho(): Server {
  const server = new Server({ name: 'bench-echo', version: '1.0.0' }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [TOOL] }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: 'text', text: `Echo: ${String(params.arguments?.['message'])}` }],
  }))
  return server
}

if (process.argv[2] === 'http') serveHttp()
else {
  // The SDK's transport does not notice that its parent has gone.
  process.stdin.on('end', () => process.exit(0))
  await createEcho().connect(new StdioServerTransport())
}

function serveHttp(): void {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const begin = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await createEcho().connect(transport)
    return transport
  }
  const server = createServer((request, response) => {
    const id = request.headers['mcp-session-id']?.toString()
    const known = id === undefined ? begin() : Promise.resolve(sessions.get(id))
    void known.then((transport) => {
      if (transport === undefined) response.writeHead(404).end()
      else void transport.handleRequest(request, response)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}/mcp` })}\n`)
  })
}
