import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Bridge } from '../../src/mcp/bridge/bridge.ts'
import { Tokens } from '../../src/mcp/bridge/tokens.ts'
import { ExchangeClient } from '../../src/mcp/exchange/client.ts'
import { ExchangeServer } from '../../src/mcp/exchange/gateway.ts'
import type { UpstreamConfig } from '../../src/mcp/upstream/config.ts'
import { Upstreams } from '../../src/mcp/upstream/upstreams.ts'
import type { SecretFile } from '../../src/mcp/upstream/oauth/grantFile.ts'
import type { Log } from '../../src/support/log.ts'
import { type PairOptions, type SessionEnd, sessionPair } from './sessionPair.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const EVERYTHING = resolve(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js')
export const BIG_SERVER = resolve(import.meta.dirname, 'bigServer.mjs')

export const everythingStdio: UpstreamConfig = { command: process.execPath, args: [EVERYTHING, 'stdio'] }
export const bigStdio: UpstreamConfig = { command: process.execPath, args: [BIG_SERVER] }

/** Bridge, session pair and upstreams wired as the roots wire them, in one process. */
export class Chain {
  readonly bridge: Bridge
  readonly token: string
  readonly tokens = new Tokens()
  readonly upstreams: Upstreams
  readonly logged: string[] = []
  readonly log: Log = {
    log: (level, message, fields) => this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
  }
  readonly client: SessionEnd
  readonly server: SessionEnd
  exchanges: ExchangeClient
  origin = ''
  private readonly clients: Client[] = []
  private readonly gateways: ExchangeServer[] = []

  constructor(
    servers: Record<string, UpstreamConfig>,
    options: PairOptions & { keepAlive?: number; grants?: (server: string) => SecretFile } = {},
  ) {
    this.upstreams = new Upstreams(servers, this.log, options.grants)
    const { client, server } = sessionPair(options)
    this.client = client
    this.server = server
    this.exchanges = this.attach(client, server)
    this.token = this.tokens.issue('test')
    const routes = {
      has: (name: string) => Object.hasOwn(servers, name) || name === 'elsewhere',
      open: () => Promise.resolve(this.exchanges),
    }
    const keepAlive = options.keepAlive === undefined ? {} : { keepAlive: options.keepAlive }
    this.bridge = new Bridge({ routes, tokens: this.tokens, log: this.log, ...keepAlive })
  }

  attach(client: SessionEnd, server: SessionEnd): ExchangeClient {
    this.gateways.push(new ExchangeServer(server, this.upstreams.handle, this.log))
    void server.closed.then(() => this.upstreams.sessionEnded(server.sid))
    return new ExchangeClient(client, this.log)
  }

  async listen(): Promise<this> {
    this.origin = await this.bridge.listen()
    return this
  }

  url(server: string): URL {
    return new URL(`/mcp/${server}`, this.origin)
  }

  /** An agent: the SDK's client over HTTP. */
  async agent(server: string, client = new Client({ name: 'agent', version: '1' })): Promise<Client> {
    const headers = { authorization: `Bearer ${this.token}` }
    const transport = new StreamableHTTPClientTransport(this.url(server), { requestInit: { headers } })
    await client.connect(transport)
    this.clients.push(client)
    return client
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
    await this.bridge.close()
    await this.client.close()
    await this.upstreams.close()
  }
}

/** Starts a server that prints {"url":…}. */
export async function startHttp(args: readonly string[]): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line]: string[] = await once(createInterface(child.stdout), 'line')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  const { url }: { url: string } = JSON.parse(line ?? '')
  return { url, stop }
}

/** server-everything over HTTP, on a port of our choice since it cannot say which one it took. */
export async function startEverythingHttp(port: number): Promise<{ url: string; stop: () => Promise<void> }> {
  const env = { ...process.env, PORT: String(port) }
  const child = spawn(process.execPath, [EVERYTHING, 'streamableHttp'], { stdio: ['ignore', 'pipe', 'pipe'], env })
  child.stdout.resume()
  const lines = createInterface(child.stderr)
  for await (const line of lines) if (line.includes('listening')) break
  child.stderr.resume()
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  return { url: `http://127.0.0.1:${port}/mcp`, stop }
}

/** The first text of a tool's result. */
export function textOf(result: unknown): string {
  const { content }: { content: { text?: string }[] } = JSON.parse(JSON.stringify(result))
  return content[0]?.text ?? ''
}
