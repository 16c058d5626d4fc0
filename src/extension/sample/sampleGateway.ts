import type { ChildProcess } from 'node:child_process'
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import type { VaultIdentity } from '../../contracts/identityConfig.ts'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { Disposable } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence, t } from '../../support/l10n.ts'
import { type Log, redact } from '../../support/log.ts'
import { type CliProcess, runCli, startCli } from '../cliProcess.ts'
import type { Places } from '../places.ts'

export const SAMPLE = 'sample'

const Listening = v.object({ event: v.literal('listening'), url: v.string(), kid: v.string() })
const START_MS = 30_000

export type SamplePlaces = Pick<Places, 'cli' | 'sampleServer' | 'sample'>

export interface SampleOptions {
  /** Lines of the gateway's log, beside our own. */
  readonly said?: (line: string) => void
  /** A file in which the sample server keeps what it is given. */
  readonly tally?: string
}

/**
 * A gateway of this window's own, in front of the bundled sample server: another process with another key, reached the way
 * any gateway is. It ends with the window.
 */
export class SampleGateway implements Disposable {
  private readonly places: SamplePlaces
  private readonly log: Log
  private readonly options: SampleOptions
  /** The start that comes last: each waits for the one before, or of two gateways one would be left behind. */
  private last: Promise<unknown> = Promise.resolve()
  private running: { readonly child: ChildProcess; readonly setting: GatewaySetting } | undefined

  constructor(places: SamplePlaces, log: Log, options: SampleOptions = {}) {
    this.places = places
    this.log = log
    this.options = options
  }

  /** Where its key is: whoever has these files can be this gateway. */
  get key(): VaultIdentity {
    return { vault: join(this.places.sample, 'vault.json'), keyFile: join(this.places.sample, 'vault.key') }
  }

  /** The gateway's entry. Its pin is the kid that our own child printed, so there is nothing to ask the person. */
  async start(signal: AbortSignal, report: (message: string) => void): Promise<GatewaySetting> {
    const started = this.last.then(() => this.begin(signal, report))
    this.last = started.catch(() => {})
    return await started
  }

  /** Of the gateway, while it runs. */
  get pid(): number | undefined {
    const child = this.running?.child
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined
  }

  private async begin(signal: AbortSignal, report: (message: string) => void): Promise<GatewaySetting> {
    if (this.running !== undefined && this.pid !== undefined) return this.running.setting
    const { sample } = this.places
    await mkdir(sample, { recursive: true, mode: 0o700 })
    const { vault, keyFile = '' } = this.key
    if (!(await exists(vault))) {
      report(t('making a key for the gateway'))
      await runCli(this.spawn(['identity', 'create', '--vault', vault, '--key-file', keyFile]), signal)
    }
    report(t('starting the gateway'))
    // State and journal of its own: two windows may run the sample at once.
    const folder = join(sample, `window-${process.pid}`)
    await removeLeftovers(sample)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const config = join(folder, 'gateway.json')
    await writeFile(config, JSON.stringify(this.config(vault, keyFile, folder)), { mode: 0o600 })
    const spawned = this.spawn(['gateway', '--config', config])
    const { child } = spawned
    try {
      const line = await this.firstLine(spawned, signal)
      const { url, kid } = v.parse(Listening, JSON.parse(line))
      const setting: GatewaySetting = { name: SAMPLE, route: { kind: 'websocket', url }, pin: kid, servers: [SAMPLE] }
      this.running = { child, setting }
      return setting
    } catch (cause) {
      child.kill()
      if (cause instanceof CountersignError) throw cause
      throw new CountersignError('server-start', 'The sample gateway did not start. Show Log says why.', { cause })
    }
  }

  dispose(): void {
    this.running?.child.kill()
    this.running = undefined
  }

  /** Resolves when its process, and with it every server behind it, is gone. */
  async stop(): Promise<void> {
    const child = this.running?.child
    this.dispose()
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    await new Promise((resolve) => child.once('exit', resolve))
  }

  private config(vault: string, keyFile: string, folder: string): object {
    const { tally } = this.options
    const env = { ELECTRON_RUN_AS_NODE: '1', ...(tally !== undefined && { COUNTERSIGN_SAMPLE_TALLY: tally }) }
    const server = { command: process.execPath, args: [this.places.sampleServer], env }
    return {
      listen: 'ws://127.0.0.1:0',
      identity: { vault, keyFile },
      // Loopback, and nothing behind it but the sample: whichever key this editor chooses next may come in.
      clients: 'enroll',
      servers: { [SAMPLE]: server },
      state: join(folder, 'state'),
      journal: join(folder, 'journal'),
    }
  }

  private spawn(args: readonly string[]): CliProcess {
    return startCli(this.places.cli, args, (text) => {
      this.log.log('info', 'sample gateway says', { text })
      this.options.said?.(text)
    })
  }

  private async firstLine({ child, stdout }: CliProcess, signal: AbortSignal): Promise<string> {
    return await new Promise((resolve, reject) => {
      const fail = (sentence: Sentence) => reject(new CountersignError('server-start', sentence))
      const timer = setTimeout(() => fail(said('The sample gateway did not start within 30 s.')), START_MS)
      const abort = () => reject(new CountersignError('cancelled', 'The sample was not started.'))
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      createInterface({ input: stdout }).once('line', (line) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        resolve(line)
      })
      child.once('error', (error) => fail(said`The sample gateway did not start: ${redact(error.message)}`))
      child.once('exit', (code) => fail(said`The sample gateway ended with exit code ${code ?? 0}. Show Log says why.`))
    })
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** Folders of windows that are gone: a window that was killed could not clean up after itself. */
async function removeLeftovers(sample: string): Promise<void> {
  for (const name of await readdir(sample)) {
    const pid = /^window-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(sample, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  // Our own folder is from an earlier gateway of this window, or of a process that had the same number.
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
