import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import type { Measured } from './main.ts'
import { drive, percentile } from './stats.ts'

const SIZES = { '100 B': 100, '64 KiB': 65_536 } as const
const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** tools/call from an agent over HTTP through connect, session and gateway to the sample server on stdio, and that server directly. */
export async function measureCalls(folder: string): Promise<Measured> {
  const children: ChildProcessWithoutNullStreams[] = []
  const cli = `${process.env['BENCH_ROOT']}dist/cli.js`
  const start = async (...args: string[]): Promise<Record<string, string>> => {
    const child = spawn(process.execPath, [cli, ...args])
    child.stderr.pipe(process.stderr)
    children.push(child)
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), gone(child)])
    const event: Record<string, string> = JSON.parse(line)
    return event
  }
  for (const end of ['client', 'gateway']) {
    execFileSync(
      process.execPath,
      [cli, 'identity', 'create', '--vault', `${folder}/${end}.vault`, '--key-file', `${folder}/${end}.key`],
      { stdio: 'ignore' },
    )
  }
  const common = (end: string) => ({
    identity: { vault: `${end}.vault`, keyFile: `${end}.key` },
    state: `${end}-state`,
    journal: `${end}-journal`,
  })
  const server = { command: process.execPath, args: [`${process.env['BENCH_ROOT']}dist/sampleServer.js`] }
  writeFileSync(
    `${folder}/gateway.json`,
    JSON.stringify({ ...common('gateway'), clients: 'enroll', servers: { sample: server } }),
  )
  const { url: gateway } = await start('gateway', '--config', `${folder}/gateway.json`)
  writeFileSync(`${folder}/client.json`, JSON.stringify({ ...common('client'), gateway, pin: 'first-use' }))
  const { url = '', token = '' } = await start(
    'connect',
    '--config',
    `${folder}/client.json`,
    '--server',
    'sample',
    '--http',
  )

  const figures: Record<string, number> = {}
  const through = await httpClient(url, token)
  const direct = await stdioClient(server, children)
  for (const [name, size] of Object.entries(SIZES)) {
    const message = 'x'.repeat(size)
    for (const inFlight of [1, 16, 64]) {
      for (const [chain, call] of Object.entries({ direct, countersign: through })) {
        await drive(30, inFlight, () => call(message))
        const { latencies, perSecond } = await drive(size > 1000 ? 200 : 600, inFlight, () => call(message))
        figures[`${chain}, ${name}, ${inFlight} in flight: p50 ms`] = percentile(latencies, 50)
        figures[`${chain}, ${name}, ${inFlight} in flight: p99 ms`] = percentile(latencies, 99)
        figures[`${chain}, ${name}, ${inFlight} in flight: calls/s`] = perSecond
      }
    }
  }
  for (const child of children) child.kill('SIGTERM')
  return { figures, ratios: {} }
}

/** Without it a child that fails to start would leave the measurement waiting for nothing. */
async function gone(child: ChildProcessWithoutNullStreams): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`a process that was to be measured ended with ${String(code)}`)
}

type Call = (message: string) => Promise<void>

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
}
const initialized: { id?: number } & Record<string, unknown> = { jsonrpc: '2.0', method: 'notifications/initialized' }
const echo = (id: number, message: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { message } },
})

async function httpClient(url: string, token: string): Promise<Call> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
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
  const { session } = await post(initialize)
  if (session !== undefined) headers['mcp-session-id'] = session
  headers['mcp-protocol-version'] = '2025-11-25'
  await post(initialized)
  let id = 1
  return async (message) => {
    const { text } = await post(echo(id++, message))
    if (!text.includes(message)) throw new Error(`a call was not answered: ${text.slice(0, 200)}`)
  }
}

async function stdioClient(
  server: { command: string; args: string[] },
  children: ChildProcessWithoutNullStreams[],
): Promise<Call> {
  const child = spawn(server.command, server.args)
  children.push(child)
  child.stderr.resume()
  const waiting = new Map<number, (line: string) => void>()
  createInterface(child.stdout).on('line', (line) => {
    const { id }: { id?: unknown } = JSON.parse(line)
    if (typeof id === 'number') waiting.get(id)?.(line)
  })
  const send = (message: { id?: number }): Promise<string> =>
    new Promise((resolve) => {
      if (message.id === undefined) resolve('')
      else waiting.set(message.id, resolve)
      child.stdin.write(`${JSON.stringify(message)}\n`)
    })
  await send(initialize)
  await send(initialized)
  let id = 1
  return async (message) => {
    if (!(await send(echo(id++, message))).includes(message)) throw new Error('a direct call was not answered')
  }
}
