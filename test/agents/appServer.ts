import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { bounded } from '../fakes/chainProcess.ts'

const LIMIT = 120_000
const GOODBYE = 10_000

/** Codex's app-server: JSON-RPC, one message a line, as an editor's plugin speaks it. */
export class AppServer {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  private readonly waiting = new Map<number, (line: string) => void>()
  private readonly ended: Promise<unknown>
  private said = ''
  private id = 0

  constructor(command: readonly [string, ...string[]], options: { cwd: string; env: NodeJS.ProcessEnv }) {
    const [program, ...args] = command
    this.child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.said = (this.said + text).slice(-4_000)))
    this.child.stdin.on('error', () => {})
    createInterface(this.child.stdout).on('line', (line) => this.take(line))
    this.ended = new Promise((resolve) => {
      this.child.once('error', resolve)
      this.child.once('close', resolve)
    })
    void this.ended.then(() => {
      const line = JSON.stringify({ error: { message: `it ended: ${this.said}` } })
      for (const answer of this.waiting.values()) answer(line)
    })
  }

  async initialize(): Promise<void> {
    await this.request('initialize', { clientInfo: { name: 'countersign-agents', title: null, version: '1' } })
    this.write({ method: 'initialized' })
  }

  /** @throws Error for an error that it answers, and when it ends */
  async request<T>(method: string, params: object): Promise<T> {
    this.id += 1
    const { id } = this
    const answered = new Promise<string>((resolve) => this.waiting.set(id, resolve))
    this.write({ id, method, params })
    const line = await bounded(answered, LIMIT, `${method}\n${this.said}`)
    const { result, error }: { result: T; error?: { message: string } } = JSON.parse(line)
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** Closes its input, on which it ends by itself. */
  async close(): Promise<void> {
    this.child.stdin.end()
    await bounded(this.ended, GOODBYE, 'the end of the app-server').catch(() => this.child.kill('SIGKILL'))
  }

  private take(line: string): void {
    const { id, method }: { id?: number; method?: string } = JSON.parse(line)
    if (id === undefined || method !== undefined) return
    this.waiting.get(id)?.(line)
    this.waiting.delete(id)
  }

  private write(message: object): void {
    this.child.stdin.write(`${JSON.stringify(message)}\n`)
  }
}
