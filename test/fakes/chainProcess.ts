import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** A node process of the chain with all that it said, for assertions and for the search for planted secrets. */
export class ChainProcess {
  readonly pid: number
  readonly args: readonly string[]
  /** Resolves when the process is gone and its output read; never rejects. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  stdout = ''
  stderr = ''
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  private readonly seen = new Set<number>()
  private over = false

  constructor(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
    this.args = args
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
    this.pid = this.child.pid ?? 0
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.child.stdin.on('error', () => {})
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.over = true
        resolve({ code, signal })
      })
    })
    running.add(this)
    void this.exited.then(() => running.delete(this))
  }

  get input(): Writable {
    return this.child.stdin
  }

  get ended(): boolean {
    return this.over
  }

  /** The first line of its standard output as JSON. */
  async announced(within = 60_000): Promise<Record<string, string>> {
    await until(
      () => this.stdout.includes('\n') || this.over,
      within,
      () => `${this.args.join(' ')} said nothing within ${within} ms: ${this.stderr}`,
    )
    const [line = ''] = this.stdout.split('\n')
    if (!this.stdout.includes('\n')) throw new Error(`ended before it was ready: ${this.stderr}`)
    const announced: Record<string, string> = JSON.parse(line)
    return announced
  }

  /** Waits until its standard error has this, from `from` on. Returns what was found. */
  async says(pattern: RegExp, from = 0, within = 10_000): Promise<string> {
    const found = (): string | undefined => pattern.exec(this.stderr.slice(from))?.[0]
    await until(
      () => found() !== undefined,
      within,
      () => `no ${pattern} in: ${this.stderr.slice(from)}`,
    )
    return found() ?? ''
  }

  /** As when whoever reads its output and its log goes away. */
  deafen(): void {
    this.child.stdout.destroy()
    this.child.stderr.destroy()
  }

  /** Every process that it started, and that these started. */
  children(): number[] {
    for (const pid of descendants(this.pid)) this.seen.add(pid)
    return descendants(this.pid)
  }

  /** SIGTERM, as whoever runs it would end it. Returns how it ended, and which of its children outlived it. */
  async stop(within = 10_000): Promise<{ code: number | null; signal: string | null; left: number[] }> {
    this.children()
    this.child.kill('SIGTERM')
    return await this.leaves(within)
  }

  /** Waits for it to end by itself. */
  async leaves(within = 10_000): Promise<{ code: number | null; signal: string | null; left: number[] }> {
    this.children()
    const late = sleep(within, undefined, { ref: false })
    const end = await Promise.race([this.exited, late])
    if (end === undefined) throw new Error(`${this.args.join(' ')} did not end within ${within} ms: ${this.stderr}`)
    // The kernel takes a moment to collect what was killed.
    await until(() => !Array.from(this.seen).some(isAlive), 3_000).catch(() => {})
    return { ...end, left: Array.from(this.seen).filter(isAlive) }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal)
  }
}

const running = new Set<ChainProcess>()

/** For `afterAll`: ends what a failed test left behind. */
export async function endAll(): Promise<void> {
  for (const process of running) {
    const children = process.children()
    process.kill()
    for (const pid of children) if (isAlive(pid)) kill(pid)
  }
  await Promise.all(Array.from(running, ({ exited }) => exited))
}

export async function until(condition: () => boolean, within = 10_000, what = (): string => 'waited in vain') {
  const deadline = Date.now() + within
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(what())
    await sleep(10)
  }
}

/** Rejects when the work takes longer: nothing in these tests may hang. */
export async function bounded<T>(work: Promise<T>, within: number, what: string): Promise<T> {
  const timer = new AbortController()
  const late = sleep(within, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} took longer than ${within} ms`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    late.catch(() => {})
    timer.abort()
  }
}

/** For servers that cannot say which port they took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address: AddressInfo | string | null = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

export function kill(pid: number): void {
  // 0 would be the whole group of the test itself.
  if (pid <= 0) throw new Error('there is no such process')
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}

/** A process that runs; one that has ended and was not collected yet does not. */
export function isAlive(pid: number): boolean {
  if (hasProc) return stateOf(pid)?.state !== undefined && stateOf(pid)?.state !== 'Z'
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

const hasProc = existsSync('/proc/self/stat')

function descendants(root: number): number[] {
  if (!hasProc) return []
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: stateOf(Number(name))?.parent }))
  const found = new Set([root])
  for (let size = 0; size !== found.size; ) {
    size = found.size
    for (const { pid, parent } of parents) if (parent !== undefined && found.has(parent)) found.add(pid)
  }
  found.delete(root)
  return Array.from(found).filter(isAlive)
}

function stateOf(pid: number): { state: string; parent: number } | undefined {
  try {
    // "pid (name) state ppid …"; the name may hold anything.
    const [state = '', parent = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
