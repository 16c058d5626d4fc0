// A real MCP server for the tests, with tools that are big, slow, countable and curious.
// usage: node bigServer.mjs            on stdio
//        node bigServer.mjs http       Streamable HTTP; prints {"url":…} when it listens
//        node bigServer.mjs die        exits with code 3 before it says anything
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  CreateMessageResultSchema,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'

const NAMES = ['big', 'slow', 'count', 'ask', 'sample', 'env', 'pid', 'flood', 'exit', 'mark']
let executions = 0
let cancellations = 0

const text = (value) => ({ content: [{ type: 'text', text: String(value) }] })

function make() {
  const server = new Server({ name: 'big', version: '1.0.0' }, { capabilities: { tools: {}, logging: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: NAMES.map((name) => ({ name, inputSchema: { type: 'object' } })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const input = params.arguments ?? {}
    switch (params.name) {
      case 'big':
        return text('x'.repeat(input.size ?? 0))
      case 'slow':
        return slow(input, params._meta?.progressToken, extra)
      case 'count':
        executions += 1
        return text(input.read === true ? `${executions - 1} ${cancellations}` : executions)
      case 'ask': {
        const answer = await server.elicitInput({
          message: 'Your name?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        })
        return text(`${answer.action} ${String(answer.content?.name)}`)
      }
      case 'sample': {
        const messages = [{ role: 'user', content: { type: 'text', text: 'hello' } }]
        const request = { method: 'sampling/createMessage', params: { messages, maxTokens: 10 } }
        const answer = await extra.sendRequest(request, CreateMessageResultSchema)
        return text(answer.content.text)
      }
      case 'env':
        return text(JSON.stringify(process.env))
      case 'pid':
        return text(process.pid)
      case 'flood':
        for (let index = 0; index < input.events; index += 1) {
          await extra.sendNotification({
            method: 'notifications/message',
            params: { level: 'info', data: 'y'.repeat(input.size) },
          })
        }
        return text('done')
      case 'exit':
        process.exit(7)
        break
      case 'mark': {
        // On disk, because whoever counts wants to know it also when this process is killed in the next moment.
        await new Promise((resolve) => setTimeout(resolve, input.before))
        appendFileSync(input.file, `${Number(input.id)}\n`)
        await new Promise((resolve) => setTimeout(resolve, input.after))
        return text(`marked ${Number(input.id)}`)
      }
    }
    throw new Error(`no tool ${params.name}`)
  })
  return server
}

async function slow({ ms = 100, steps = 0 }, progressToken, extra) {
  for (let step = 1; step <= steps; step += 1) {
    await new Promise((resolve) => setTimeout(resolve, ms / steps))
    if (progressToken === undefined) continue
    await extra.sendNotification({
      method: 'notifications/progress',
      params: { progressToken, progress: step, total: steps },
    })
  }
  if (steps === 0) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      extra.signal.addEventListener('abort', () => {
        cancellations += 1
        clearTimeout(timer)
        resolve()
      })
    })
  }
  return text('slept')
}

if (process.argv[2] === 'die') {
  process.stderr.write('no configuration found\n')
  process.exitCode = 3
} else if (process.argv[2] === 'http') {
  const transports = new Map()
  const serve = async (request, response) => {
    const id = request.headers['mcp-session-id']
    let transport = transports.get(id)
    if (transport === undefined && id !== undefined) {
      response.writeHead(404).end()
      return
    }
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (given) => void transports.set(given, transport),
      })
      await make().connect(transport)
    }
    await transport.handleRequest(request, response)
  }
  const http = createServer((request, response) => void serve(request, response))
  http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}/mcp` })))
} else await make().connect(new StdioServerTransport())
