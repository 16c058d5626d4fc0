import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { NssToken } from '../integration/keys/nssToken.ts'
import type { Bundles } from '../integration/chain/build.ts'
import { run } from '../setup/run.mjs'
import { bounded, ChainProcess } from './chainProcess.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export const BIG_SERVER = fileURLToPath(new URL('bigServer.mjs', import.meta.url))
export const EVERYTHING = `${ROOT}node_modules/@modelcontextprotocol/server-everything/dist/index.js`

export interface Identity {
  readonly kid: string
  readonly custody: string
  /** As a configuration file names it. */
  readonly config: Record<string, unknown>
}

export type Config = Record<string, unknown>

/** One folder with the configuration files, keys and journals of a chain, and the processes that were started in it. */
export class ChainFolder {
  readonly path = mkdtempSync(path.join(tmpdir(), 'countersign-chain-'))
  readonly bundles: Bundles
  /** Every process that was started here, ended or not. */
  readonly processes: ChainProcess[] = []
  /** For all of them, beside what a shell would have. */
  env: NodeJS.ProcessEnv = {}
  private readonly gateways: string[] = []
  private readonly clients: string[] = []

  constructor(bundles: Bundles) {
    this.bundles = bundles
  }

  at(...names: string[]): string {
    return path.join(this.path, ...names)
  }

  cli(...args: readonly string[]): ChainProcess {
    const started = new ChainProcess([this.bundles.cli, ...args], { env: { ...process.env, ...this.env } })
    this.processes.push(started)
    return started
  }

  /** `countersign identity create` with a vault and a key file of its own. */
  async vaultIdentity(name: string): Promise<Identity> {
    const [vault, keyFile] = [this.at(`${name}.vault`), this.at(`${name}.key`)]
    return this.create({ vault, keyFile }, ['--vault', vault, '--key-file', keyFile])
  }

  /** A key in a real PKCS#11 token. */
  async tokenIdentity(token: NssToken, label: string, pinFile: string): Promise<Identity> {
    const { module, libraryParameters, slot } = token
    const args = ['--module', module, '--library-parameters', libraryParameters, '--slot', String(slot)]
    const config = { pkcs11: { module, libraryParameters, slot, label, pinFile } }
    return this.create(config, [...args, '--label', label, '--pin-file', pinFile])
  }

  /** Starts `countersign gateway` and waits until it listens. */
  async gateway(name: string, config: Config): Promise<{ process: ChainProcess; url: string; kid: string }> {
    const started = this.cli('gateway', '--config', this.gatewayConfig(name, config))
    const { url = '', kid = '' } = await started.announced()
    return { process: started, url, kid }
  }

  gatewayConfig(name: string, config: Config): string {
    if (!this.gateways.includes(name)) this.gateways.push(name)
    return this.write(name, config)
  }

  clientConfig(name: string, config: Config): string {
    if (!this.clients.includes(name)) this.clients.push(name)
    return this.write(name, config)
  }

  /** Starts `countersign connect --http` and waits until it listens. */
  async bridge(name: string, server: string, config: Config): Promise<Bridged> {
    const started = this.cli('connect', '--config', this.clientConfig(name, config), '--server', server, '--http')
    const { url = '', token = '' } = await started.announced()
    return new Bridged(started, url, token)
  }

  /** An agent that starts `countersign connect` as its stdio server. */
  async stdioAgent(client: Client, name: string, server: string, config: Config): Promise<StdioAgent> {
    const args = [this.bundles.cli, 'connect', '--config', this.clientConfig(name, config), '--server', server]
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...this.env }).map(([key, value = '']) => [key, value]),
    )
    const maxBufferSize = 64 * 1024 * 1024
    const parameters = { command: process.execPath, args, stderr: 'pipe' as const, env, maxBufferSize }
    const transport = new StdioClientTransport(parameters)
    const agent: StdioAgent = { client, pid: () => transport.pid ?? 0, stderr: '' }
    transport.stderr?.on('data', (chunk: Buffer) => (agent.stderr += chunk.toString()))
    await client.connect(transport)
    return agent
  }

  /** Lines of all journals of gateways, or of clients. */
  journal(of: 'gateways' | 'clients'): JournalLine[] {
    return this.journalFiles(of).flatMap((file) =>
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line): JournalLine => JSON.parse(line)),
    )
  }

  journalFiles(of: 'gateways' | 'clients'): string[] {
    const names = of === 'gateways' ? this.gateways : this.clients
    return names.flatMap((name) => {
      const folder = this.at(name, 'journal')
      const files = readdirSync(folder).filter((file) => file.endsWith('.jsonl'))
      return files.toSorted().map((file) => path.join(folder, file))
    })
  }

  /** `countersign verify` over these files. */
  async verify(trust: readonly string[], files: readonly string[]): Promise<{ code: number | null; out: string }> {
    const verifier = this.cli('verify', ...trust.flatMap((kid) => ['--trust', kid]), ...files)
    const { code } = await bounded(verifier.exited, 60_000, 'verify')
    return { code, out: verifier.stdout + verifier.stderr }
  }

  /** Everything that any process printed. */
  said(): string {
    return this.processes.map(({ stdout, stderr }) => stdout + stderr).join('\n')
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }

  private write(name: string, config: Config): string {
    mkdirSync(this.at(name), { recursive: true })
    const file = this.at(name, 'config.json')
    writeFileSync(file, JSON.stringify({ state: 'state', journal: 'journal', ...config }))
    return file
  }

  private async create(config: Identity['config'], args: readonly string[]): Promise<Identity> {
    const env = { ...process.env, ...this.env }
    const out = await run(process.execPath, [this.bundles.cli, 'identity', 'create', ...args], { env })
    const made: Pick<Identity, 'kid' | 'custody'> = JSON.parse(out)
    return { ...made, config }
  }
}

export interface StdioAgent {
  readonly client: Client
  readonly pid: () => number
  stderr: string
}

export type JournalLine = {
  readonly type: string
  readonly how?: string
  readonly statement?: string
  readonly jws?: string
}

export interface RpcAnswer {
  readonly result?: { readonly content?: readonly { readonly text?: string }[]; readonly [member: string]: unknown }
  readonly error?: { readonly code: number; readonly message: string; readonly data?: { readonly code?: string } }
}

/** A running `connect --http`, and an agent that speaks plain HTTP to it. */
export class Bridged {
  readonly process: ChainProcess
  readonly url: string
  readonly token: string
  private session: string | undefined
  private id = 0

  constructor(process: ChainProcess, url: string, token: string) {
    this.process = process
    this.url = url
    this.token = token
  }

  /** Another agent at the same endpoint, with an MCP session of its own. */
  again(): Bridged {
    return new Bridged(this.process, this.url, this.token)
  }

  /** An agent: the SDK's client over HTTP. */
  async agent(client: Client): Promise<Client> {
    const headers = { authorization: `Bearer ${this.token}` }
    const transport = new StreamableHTTPClientTransport(new URL(this.url), { requestInit: { headers } })
    await client.connect(transport)
    return client
  }

  /** `initialize`, by hand: what follows is in this MCP session. */
  async initialize(): Promise<RpcAnswer> {
    this.session = undefined
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'agent', version: '1' } }
    const answer = await this.request('initialize', params)
    if (this.session !== undefined) await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, 20_000)
    return answer
  }

  call(name: string, input: Record<string, unknown> = {}, within = 20_000): Promise<RpcAnswer> {
    return this.request('tools/call', { name, arguments: input }, within)
  }

  /** The JSON-RPC answer, whatever the HTTP status. */
  async request(method: string, params: unknown = {}, within = 20_000): Promise<RpcAnswer> {
    this.id += 1
    const { id } = this
    const { body } = await this.post({ jsonrpc: '2.0', id, method, params }, within)
    const answer = answerIn(body, id)
    if (answer === undefined) throw new Error(`no answer to ${method}: ${body.slice(0, 500)}`)
    return answer
  }

  async post(message: unknown, within: number): Promise<{ status: number; body: string }> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    }
    if (this.session !== undefined) headers['mcp-session-id'] = this.session
    const exchange = async (): Promise<{ status: number; body: string }> => {
      const response = await fetch(this.url, { method: 'POST', headers, body: JSON.stringify(message) })
      this.session ??= response.headers.get('mcp-session-id') ?? undefined
      return { status: response.status, body: await response.text() }
    }
    return bounded(exchange(), within, JSON.stringify(message).slice(0, 100))
  }
}

/** The message with this id, in a body that is JSON or a stream of events. */
function answerIn(body: string, id: number): RpcAnswer | undefined {
  const texts = body.startsWith('{')
    ? [body]
    : body.split('\n').flatMap((line) => /^data: ?(\{.*)$/.exec(line)?.[1] ?? [])
  return texts.map((text): RpcAnswer & { id?: unknown } => JSON.parse(text)).find((message) => message.id === id)
}
