import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../fakes/chainProcess.ts'
import { HAS_PROC, tree } from '../processes.ts'
import { type Call, httpClient, stdioClient } from './client.ts'
import { installPeer, type Peer } from './peers.ts'

/** A way to the server, ready to be called. */
export interface Chain {
  readonly name: string
  /** Signs nothing: what we are compared with. */
  readonly unsigned: boolean
  readonly call: Call
  /** The processes between agent and server, by name. Empty where there are none, or where they cannot be seen. */
  readonly front: readonly { readonly name: string; readonly pid: number }[]
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** The server that all chains lead to, and what was started for them. */
export class Servers {
  readonly command: readonly [string, ...string[]]
  private readonly script: string
  private readonly children: Child[] = []

  constructor(script: string) {
    this.script = script
    this.command = [process.execPath, script, 'stdio']
  }

  /** A server over HTTP. Returns its address. */
  async http(): Promise<string> {
    const child = this.spawn([this.script, 'http'])
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      child.once('exit', (code) => reject(new Error(`the server over HTTP ended with ${code}`)))
    })
    const { url }: { url: string } = JSON.parse(line)
    return url
  }

  async directStdio(): Promise<Chain> {
    const child = this.spawn(this.command.slice(1))
    return { name: 'direct, stdio', unsigned: true, call: await stdioClient(child), front: [] }
  }

  async directHttp(url: string): Promise<Chain> {
    return { name: 'direct, http', unsigned: true, call: await httpClient(url), front: [] }
  }

  /** @throws where it cannot be installed, or does not start */
  async peer(peer: Peer, url: string, folder: string): Promise<Chain> {
    const program = await installPeer(peer)
    mkdirSync(folder, { recursive: true })
    const port = await freePort()
    const { args, env } = peer.start({ command: this.command, url, port, folder })
    const child = this.spawn([program, ...args], env)
    const call =
      peer.front === 'stdio'
        ? await within(20_000, peer.name, stdioClient(child))
        : await connect(child, `http://127.0.0.1:${port}/mcp`)
    const { pid = 0 } = child
    const name = `${peer.name} ${peer.version}, ${peer.front} to ${peer.back}`
    return { name, unsigned: true, call, front: this.frontOf(pid, () => 'proxy') }
  }

  /** `connect` without `--http`, as an agent starts it. */
  async shim(name: string, args: readonly string[], gateway: number): Promise<Chain> {
    const child = this.spawn(args)
    const call = await within(20_000, name, stdioClient(child))
    return this.ours(name, call, child.pid ?? 0, gateway)
  }

  /** A chain of ours with what belongs to it: `connect`, the gateway, and a key process of each. */
  ours(name: string, call: Call, connect: number, gateway: number): Chain {
    const named = (end: string) => (command: string) =>
      command.includes('keyProcess.js') ? `key process of ${end}` : end
    const front = [...this.frontOf(connect, named('connect')), ...this.frontOf(gateway, named('gateway'))]
    return { name, unsigned: false, call, front }
  }

  close(): void {
    for (const child of this.children) child.kill('SIGTERM')
  }

  /** Neither the server, nor the shell that a proxy or our gateway keeps beside it: they are idle, or not the proxy's work. */
  private frontOf(root: number, named: (command: string) => string): Chain['front'] {
    if (!HAS_PROC) return []
    const node = ({ command }: { command: string }): boolean =>
      !command.includes(this.script) && !command.startsWith('/bin/sh ')
    return tree(root)
      .filter((process) => process.pid === root || node(process))
      .map(({ pid, command }) => ({ name: named(pid === root ? '' : command), pid }))
  }

  private spawn(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.children.push(child)
    // Unread, a log fills its pipe and stops whoever writes it.
    child.stderr.resume()
    child.stdin.on('error', () => {})
    return child
  }
}

/** Waits until it listens. */
async function connect(child: Child, url: string): Promise<Call> {
  child.stdout.resume()
  for (const deadline = Date.now() + 20_000; ; ) {
    try {
      return await within(10_000, url, httpClient(url))
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} gave no answer within ${ms / 1000} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
