import { afterEach, expect, it } from 'vitest'
import type { ExchangeRequest, Responder } from '../../../src/mcp/exchange/gateway.ts'
import { ServerProcess } from '../../../src/mcp/upstream/process.ts'
import { StdioUpstream } from '../../../src/mcp/upstream/stdio.ts'
import { silentLog } from '../../../src/support/log.ts'

const INITIALIZE = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}')
/** A server that answers one request with its process id, and does not care for SIGTERM. */
const STUBBORN = 'trap "" TERM; read line; echo \'{"jsonrpc":"2.0","id":1,"result":{"pid":\'$$\'}}\'; sleep 60'

let upstream: StdioUpstream | undefined
afterEach(() => upstream?.close())

interface Answer {
  readonly status: number
  readonly sessionId: string
  readonly pid: number
}

/** One exchange with the upstream, as a gateway would hand it over. */
function exchange(to: StdioUpstream, method: 'POST' | 'DELETE', sessionId?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = sessionId === undefined ? [] : [['mcp-session-id', sessionId] as const]
    const body = method === 'POST' ? INITIALIZE : new Uint8Array(0)
    const peer = { kid: 'k', name: 'n', custody: 'software', algorithm: 'ML-DSA-87', publicKey: body } as const
    const { signal } = new AbortController()
    const request: ExchangeRequest = { method, headers, body, peer, signal, server: 's', exchange: 1, sid: 'sid' }
    const respond: Responder = {
      done: false,
      head: () => {},
      event: async () => {},
      end: () => {},
      body: (status, given, bytes) => {
        const text = Buffer.from(bytes).toString()
        const pid = text === '' ? 0 : Number(JSON.parse(text).result?.pid)
        resolve({ status, pid, sessionId: given.find(([name]) => name === 'mcp-session-id')?.[1] ?? '' })
      },
    }
    to.handle(request, respond).catch(reject)
  })
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('counts processes that were told to end and have not, and waits for them', async () => {
  const stubborn = new StdioUpstream('s', { command: '/bin/sh', args: ['-c', STUBBORN] }, silentLog)
  upstream = stubborn
  const answers = await Promise.all(Array.from({ length: 64 }, () => exchange(stubborn, 'POST')))
  await expect(exchange(stubborn, 'POST')).rejects.toMatchObject({ code: 'limit' })
  for (const { sessionId } of answers) void exchange(stubborn, 'DELETE', sessionId)
  // Deleted sessions are no sessions any more, and their processes are still processes.
  await expect(exchange(stubborn, 'POST')).rejects.toMatchObject({ code: 'limit' })
  await expect(exchange(stubborn, 'DELETE', answers[0]?.sessionId)).resolves.toMatchObject({ status: 404 })
  await stubborn.close()
  await expect.poll(() => answers.filter(({ pid }) => lives(pid))).toEqual([])
})

it('goes on listening to what a server says after a line without end', async () => {
  const lines: string[] = []
  const log = {
    log: (_: string, message: string, fields: object = {}) => lines.push(JSON.stringify({ message, fields })),
  }
  const script =
    'process.stderr.write("x".repeat(100000) + "\\n"); setTimeout(() => process.stderr.write("after\\n"), 200); setTimeout(() => {}, 2000)'
  const server = new ServerProcess('s', { command: process.execPath, args: ['-e', script] }, log, () => {})
  await expect.poll(() => lines.join(), { timeout: 5000 }).toContain('after')
  await server.stop()
})
