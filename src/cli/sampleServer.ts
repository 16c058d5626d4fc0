import { appendFileSync } from 'node:fs'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import {
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type CallToolResult,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js'

/**
 * The bundled sample MCP server (`dist/sampleServer.js`, stdio): an ordinary server that knows nothing of Countersign,
 * so that *Try the Sample Server* and `npm run demo` show the whole way of a real call. It reads and writes nothing, but for
 * the tally of *Try to Break It*.
 */
const NOTES: Readonly<Record<string, string>> = {
  welcome:
    'You are reading this through Countersign: the question was signed by your editor, the answer by the gateway.',
  'what-was-checked':
    'Signature, inclusion proof, session, audience, sequence, time, and that these bytes are the ones that were signed.',
  'what-was-not': 'That what a server says is true. A signature says who said it, not that it is so.',
}

const readOnly = { readOnlyHint: true, openWorldHint: false } as const

const TOOLS: readonly Tool[] = [
  {
    name: 'echo',
    description: 'Returns the message it was given.',
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    annotations: readOnly,
  },
  {
    name: 'add',
    description: 'Adds two numbers.',
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    },
    annotations: readOnly,
  },
  {
    name: 'read_note',
    description: `Reads one of the sample's notes: ${Object.keys(NOTES).join(', ')}.`,
    inputSchema: {
      type: 'object',
      properties: { name: { type: 'string', enum: Object.keys(NOTES) } },
      required: ['name'],
    },
    annotations: readOnly,
  },
]

function text(value: string, isError = false): CallToolResult {
  return { content: [{ type: 'text', text: value }], ...(isError ? { isError } : {}) }
}

function call(name: string, input: Readonly<Record<string, unknown>>): CallToolResult {
  switch (name) {
    case 'echo':
      return typeof input['message'] === 'string'
        ? text(`Echo: ${input['message']}`)
        : text('echo needs "message", a string.', true)
    case 'add':
      return typeof input['a'] === 'number' && typeof input['b'] === 'number'
        ? text(String(input['a'] + input['b']))
        : text('add needs "a" and "b", two numbers.', true)
    case 'read_note': {
      const note =
        typeof input['name'] === 'string' && Object.hasOwn(NOTES, input['name']) ? NOTES[input['name']] : undefined
      return note === undefined ? text('There is no note of that name.', true) : text(note)
    }
    default:
      return text(`There is no tool "${name}".`, true)
  }
}

const server = new Server(
  { name: 'countersign-sample', title: 'Countersign sample', version: '1.0.0' },
  { capabilities: { tools: {}, resources: {} } },
)
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...TOOLS] }))
server.setRequestHandler(CallToolRequestSchema, ({ params }) => call(params.name, params.arguments ?? {}))
server.setRequestHandler(ListResourcesRequestSchema, () => ({
  resources: Object.keys(NOTES).map((name) => ({ uri: `note://sample/${name}`, name, mimeType: 'text/plain' })),
}))
server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
  const name = params.uri.replace('note://sample/', '')
  const note = Object.hasOwn(NOTES, name) ? NOTES[name] : undefined
  if (note === undefined) throw new Error(`There is no resource ${params.uri}.`)
  return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: note }] }
})

/** What came, byte for byte and before anybody looked at it: the trial counts what reaches a server, and an attack must not. */
const tally = process.env['COUNTERSIGN_SAMPLE_TALLY']
if (tally !== undefined) process.stdin.on('data', (chunk: Buffer) => appendFileSync(tally, chunk, { mode: 0o600 }))

// The SDK's transport does not notice that its parent has gone: without this the process would outlive the gateway.
process.stdin.on('end', () => process.exit(0))
await server.connect(new StdioServerTransport())
