import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { rmSync } from 'node:fs'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { build, type Plugin } from 'esbuild'
import type { BackendName } from '../../../src/crypto/backend/backend.ts'
import type { SuiteName } from '../../../src/crypto/suite.ts'
import type { FromParent, ToParent } from '../../fakes/memory/main.ts'
import type { Stop } from '../../fakes/memory/stops.ts'
import { coefficientsOf, type Found, formsOf, scanMemory, type Wanted } from '../../fakes/memory/scan.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const FAKES = path.join(ROOT, 'test/fakes/memory')

/** Modules of the product whose secrets are told, and what stands in front of them in this bundle alone. */
const TAPS: Readonly<Record<string, string>> = {
  'src/crypto/hkdf.ts': 'hkdfTap.ts',
  'src/crypto/ecdh.ts': 'ecdhTap.ts',
  'src/crypto/backend/guard.ts': 'guardTap.ts',
  'src/crypto/backend/select.ts': 'selectTap.ts',
}

const taps: Plugin = {
  name: 'taps',
  setup(bundle) {
    bundle.onResolve({ filter: /\.ts$/ }, ({ path: specifier, resolveDir, importer }) => {
      const tap = TAPS[path.relative(ROOT, path.resolve(resolveDir, specifier))]
      // A tap itself imports the real module.
      return tap === undefined || path.dirname(importer) === FAKES ? undefined : { path: path.join(FAKES, tap) }
    })
  },
}

/** @returns path of the program that is one end of a session: the sources as they are, with taps */
export async function buildEnd(): Promise<{ file: string; remove: () => void }> {
  const folder = path.join(ROOT, `test/output/memory-${process.pid}`)
  const file = path.join(folder, 'main.mjs')
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [path.join(FAKES, 'main.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    plugins: [taps],
    metafile: true,
    logLevel: 'warning',
  })
  for (const tap of Object.values(TAPS)) {
    if (metafile.inputs[`test/fakes/memory/${tap}`] === undefined) throw new Error(`nothing goes through ${tap}`)
  }
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface EndOptions {
  readonly file: string
  readonly role: 'client' | 'server'
  readonly suite: SuiteName
  readonly backend: BackendName
  /** The Node that runs it. */
  readonly node: string
  readonly url?: string
}

/** A process that runs one end, and what it told of its secrets. */
export class End {
  readonly role: 'client' | 'server'
  /** By name; the bytes are here, in the parent, only. */
  readonly secrets = new Map<string, Wanted>()
  /** Secrets that were not found in the moment in which they were made: a scan that misses them proves nothing later. */
  readonly missed: string[] = []
  private readonly child: ChildProcess
  private readonly messages: ToParent[] = []
  private readonly news = new EventEmitter()
  private told = Buffer.alloc(0)
  private failure: unknown

  constructor({ file, role, suite, backend, node, url }: EndOptions) {
    this.role = role
    this.child = fork(file, [role, suite, ...(url === undefined ? [] : [url])], {
      execPath: node,
      execArgv: ['--expose-gc'],
      env: { ...process.env, COUNTERSIGN_BACKEND: backend, NODE_OPTIONS: '' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a `pipe` beyond the first three is both
    const pipe = this.child.stdio[4] as Duplex
    pipe.on('data', (bytes: Buffer) => this.onTold(bytes, () => pipe.write('\n')))
    this.child.on('message', (message: ToParent) => {
      this.messages.push(message)
      this.news.emit('news')
    })
    this.child.on('exit', () => this.news.emit('news'))
  }

  private get pid(): number {
    return this.child.pid ?? 0
  }

  /** @throws where the process ended instead */
  private async next(): Promise<ToParent> {
    for (;;) {
      const message = this.messages.shift()
      if (message !== undefined) return message
      if (this.failure !== undefined) throw this.failure
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`the ${this.role} has gone`)
      await once(this.news, 'news')
    }
  }

  async listening(): Promise<string> {
    const message = await this.next()
    if (!('listening' in message)) throw new Error('the gateway does not listen')
    return message.listening
  }

  /** Resolves when the process stands still there. */
  async stops(at: Stop): Promise<void> {
    const message = await this.next()
    if (!('at' in message) || message.at !== at) throw new Error(`the ${this.role} is not at ${at}`)
  }

  goOn(): void {
    this.tell({ do: 'go on' })
  }

  /** What of its secrets is in its memory now. */
  scan(): Found {
    return scanMemory(this.pid, [...this.secrets.values()])
  }

  /** Lets it collect its garbage and do something else. */
  async tidy(): Promise<void> {
    this.tell({ do: 'tidy' })
    await this.next()
  }

  end(): void {
    this.child.kill('SIGKILL')
  }

  private tell(message: FromParent): void {
    this.child.send(message)
  }

  /** The child waits for each answer, so there is never more than one secret in the pipe. */
  private onTold(bytes: Buffer, answer: () => void): void {
    this.told = Buffer.concat([this.told, bytes])
    const line = this.told.indexOf('\n')
    if (line < 0) return
    const { name, length, text } = JSON.parse(this.told.subarray(0, line).toString())
    const body = this.told.subarray(line + 1)
    if (body.length < length) return
    this.told = Buffer.alloc(0)
    try {
      this.look(name, text ? Buffer.from(body.toString('latin1'), 'base64url') : body)
      answer()
    } catch (error) {
      this.failure = error
      this.news.emit('news')
    }
  }

  private look(name: string, secret: Uint8Array): void {
    const wanted = { name: this.unused(name), forms: spellings(name, Uint8Array.from(secret)) }
    this.secrets.set(wanted.name, wanted)
    if (!scanMemory(this.pid, [wanted], false).has(wanted.name)) this.missed.push(wanted.name)
  }

  private unused(name: string): string {
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? name : `${name} (${number})`
      if (!this.secrets.has(candidate)) return candidate
    }
  }
}

/** dk = s ‖ ek ‖ H(ek) ‖ z (FIPS 203, algorithm 16): what is between s and z is public. */
function spellings(name: string, secret: Uint8Array): Uint8Array[] {
  if (name !== 'ML-KEM decapsulation key') return formsOf(secret)
  const s = secret.slice(0, (secret.length - 96) / 2)
  return [...formsOf(s), coefficientsOf(s), ...formsOf(secret.slice(-32))]
}
