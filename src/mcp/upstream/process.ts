import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { Drain } from '../drain.ts'
import { LineSplitter } from '../lines.ts'
import { INHERITED, type StdioUpstreamConfig } from './config.ts'
import { forgetGroup, watchGroup } from './reaper.ts'

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** From SIGTERM to SIGKILL. */
const GRACE = 2_000
const POLL = 25
/** From the end of a server to the end of waiting for its last output. */
const LINGER = 500
const LOG_LINE = 4 * 1024

/** Servers of this process. Should it end without having stopped them (a crash), they must not stay behind. */
const running = new Set<Child>()
process.once('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL')
})

/** One running MCP server on stdio, in a process group of its own so that what it started ends with it. */
export class ServerProcess {
  /** Resolves once it has ended or could not be started; never rejects. */
  readonly ended: Promise<CountersignError>
  private readonly child: Child
  private readonly input: Drain
  private stopping: Promise<void> | undefined

  /** `line` gets each line of its standard output. A line past the limit ends the server. */
  constructor(name: string, config: StdioUpstreamConfig, log: Log, line: (bytes: Uint8Array) => void) {
    this.child = spawn(config.command, config.args ?? [], {
      cwd: config.cwd,
      env: environment(config.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    this.input = new Drain(this.child.stdin)
    let overlong: CountersignError | undefined
    this.ended = new Promise((resolve) => {
      this.child.once('error', (cause) => resolve(notStarted(name, cause)))
      // 'close' rather than 'exit': what it wrote last is read before its calls are given up.
      this.child.once('close', (code, signal) => resolve(overlong ?? gone(name, code, signal)))
      // What it started may hold its output open for ever.
      this.child.once('exit', (code, signal) =>
        setTimeout(() => resolve(overlong ?? gone(name, code, signal)), LINGER).unref(),
      )
    })
    const lines = new LineSplitter()
    this.child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const bytes of lines.push(chunk)) line(bytes)
      } catch {
        log.log('error', 'a server wrote a line longer than 16 MiB and was ended', { server: name })
        overlong ??= new CountersignError(
          'limit',
          `The server ${name} wrote a message longer than 16 MiB and was ended.`,
        )
        void this.stop()
      }
    })
    this.readErrors(name, log)
    // Writing to a server that is gone: `ended` tells it, with its exit code.
    this.child.stdin.on('error', () => {})
    this.child.stdout.on('error', () => {})
    this.child.stderr.on('error', () => {})
    if (this.child.pid !== undefined) {
      running.add(this.child)
      watchGroup(this.child.pid)
    }
    void this.ended.then(() => this.stop())
  }

  /** Writes one line. Resolves when there is room for the next. */
  write(line: Uint8Array): Promise<void> {
    return this.input.write(line)
  }

  pause(): void {
    this.child.stdout.pause()
  }

  resume(): void {
    this.child.stdout.resume()
  }

  /** SIGTERM to the group, SIGKILL after 2 s to what is left of it. Safe to call twice. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    const { pid } = this.child
    if (pid === undefined) return
    this.child.stdin.end()
    // Servers of the SDK ignore the end of their input, so it takes the signal as well.
    signalGroup(this.child, 'SIGTERM')
    for (let waited = 0; waited < GRACE && groupLives(this.child); waited += POLL) {
      await new Promise((resolve) => setTimeout(resolve, POLL))
    }
    signalGroup(this.child, 'SIGKILL')
    running.delete(this.child)
    forgetGroup(pid)
  }

  private readErrors(name: string, log: Log): void {
    let lines = new LineSplitter(LOG_LINE)
    this.child.stderr.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) {
          log.log('info', 'a server says', { server: name, line: Buffer.from(line).toString('utf8') })
        }
      } catch {
        // A long line without an end is no log line; it is dropped, and reading goes on: the next one may be.
        lines = new LineSplitter(LOG_LINE)
      }
    })
  }
}

function environment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const name of INHERITED) {
    const value = process.env[name]
    // Exported shell functions: code, not data (the Shellshock family).
    if (value !== undefined && !value.startsWith('()')) env[name] = value
  }
  return { ...env, ...own }
}

function signalGroup(child: Child, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  if (process.platform === 'win32') {
    if (child.exitCode !== null) return
    // By its full path: Windows looks for a bare name in the current folder first.
    const taskkill = join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'taskkill.exe')
    spawn(taskkill, ['/pid', String(child.pid), '/T', '/F'], { windowsHide: true }).on('error', () => {})
    return
  }
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group is gone: that is what was wanted.
  }
}

function groupLives(child: Child): boolean {
  if (child.pid === undefined || process.platform === 'win32')
    return child.exitCode === null && child.signalCode === null
  try {
    return process.kill(-child.pid, 0)
  } catch {
    return false
  }
}

function notStarted(name: string, cause: unknown): CountersignError {
  const sentence = `The server ${name} cannot be started. Check "command" and "cwd" in the gateway's configuration.`
  return new CountersignError('server-start', sentence, { cause })
}

function gone(name: string, code: number | null, signal: NodeJS.Signals | null): CountersignError {
  const how = signal === null ? `with exit code ${code ?? 'unknown'}` : `by ${signal}`
  return new CountersignError(
    'server-gone',
    `The server ${name} ended ${how}. See the gateway's log, and connect again.`,
  )
}
