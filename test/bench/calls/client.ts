import type { Readable, Writable } from 'node:stream'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'

/** One `tools/call` of echo with this text, from its first byte to the last byte of its answer, which is checked. */
export type Call = (text: string) => Promise<void>

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
}
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' }

/** Numbers calls, and knows what each one's answer must hold: no answer to another call, and none with a byte less. */
class Calls {
  private last = 0

  next(text: string): { id: number; message: object; check: (answer: string) => void } {
    this.last += 1
    const id = this.last
    const argument = `${id}:${text}`
    const message = {
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'echo', arguments: { message: argument } },
    }
    const check = (answer: string): void => {
      if (answer.includes(`"id":${id}`) && answer.includes(`"text":"Echo: ${argument}"`)) return
      throw new Error(`call ${id} was not answered: ${answer.slice(0, 200)}`)
    }
    return { id, message, check }
  }
}

/** An agent over Streamable HTTP, on connections that are kept alive. */
export async function httpClient(url: string, token?: string): Promise<Call> {
  const headers: Record<string, string> = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const post = (body: unknown): Promise<{ text: string; session: string | undefined }> =>
    new Promise((resolve, reject) => {
      const out = request(url, { method: 'POST', agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ text, session: response.headers['mcp-session-id']?.toString() }))
        response.on('error', reject)
      })
      out.on('error', reject)
      out.end(JSON.stringify(body))
    })
  const { text, session } = await post(initialize)
  if (!text.includes('"protocolVersion"')) throw new Error(`initialize was answered with ${text.slice(0, 200)}`)
  if (session !== undefined) headers['mcp-session-id'] = session
  headers['mcp-protocol-version'] = '2025-11-25'
  await post(initialized)
  const calls = new Calls()
  return async (argument) => {
    const { message, check } = calls.next(argument)
    check((await post(message)).text)
  }
}

/** An agent that has started a command: a message a line. */
export async function stdioClient({ stdin, stdout }: { stdin: Writable; stdout: Readable }): Promise<Call> {
  const waiting = new Map<number, (line: string) => void>()
  createInterface(stdout).on('line', (line) => {
    const { id }: { id?: unknown } = JSON.parse(line)
    if (typeof id !== 'number') return
    waiting.get(id)?.(line)
    waiting.delete(id)
  })
  const post = (message: object): void => void stdin.write(`${JSON.stringify(message)}\n`)
  const ask = (id: number, message: object): Promise<string> =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      post(message)
    })
  const answer = await ask(0, initialize)
  if (!answer.includes('"protocolVersion"')) throw new Error(`initialize was answered with ${answer.slice(0, 200)}`)
  post(initialized)
  const calls = new Calls()
  return async (argument) => {
    const { id, message, check } = calls.next(argument)
    check(await ask(id, message))
  }
}
