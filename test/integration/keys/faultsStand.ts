import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openTokenSigner, type ProcessSigner } from '../../../src/keys/hsm/signer.ts'
import { KeyProcess, type KeyProcessOptions } from '../../../src/keys/hsm/supervisor.ts'
import { type FaultyToken, type Faults, initFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { buildKeyProcess } from './bundle.ts'
import { bytes, folder, MemoryLog } from './support.ts'

const PIN = 'planted-pin-4711'
const LABEL = 'mcp-identity-key'

type Deadlines = NonNullable<KeyProcessOptions['deadlines']>

/** A token that can go wrong, a key in it, and the process that holds it. */
export class Stand {
  readonly token: FaultyToken
  readonly faults: Faults
  readonly keyProcess: KeyProcess
  readonly signer: ProcessSigner
  readonly batches: BatchSigner
  readonly log: MemoryLog
  /** PINs that the supervisor was told to forget. */
  forgotten = 0

  private constructor(
    token: FaultyToken,
    keyProcess: KeyProcess,
    signer: ProcessSigner,
    log: MemoryLog,
    forgotten: () => number,
  ) {
    this.token = token
    this.faults = token.faults
    this.keyProcess = keyProcess
    this.signer = signer
    this.batches = new BatchSigner(signer, { lanes: signer.lanes })
    this.log = log
    Object.defineProperty(this, 'forgotten', { get: forgotten })
  }

  /** @param path of the key process */
  static async create(
    folder: string,
    path: string,
    { lanes, deadlines = {} }: { readonly lanes?: number; readonly deadlines?: Deadlines } = {},
  ): Promise<Stand> {
    const token = await initFaultyToken(folder, { pin: PIN })
    const log = new MemoryLog()
    let forgotten = 0
    const keyProcess = new KeyProcess({
      path,
      holds: {
        kind: 'module',
        path: token.module,
        libraryParameters: token.libraryParameters,
        ...(lanes === undefined ? {} : { lanes }),
      },
      log,
      deadlines,
      pins: {
        read: async () => (forgotten > 0 ? undefined : bytes(PIN)),
        forget: () => {
          forgotten += 1
        },
      },
    })
    const where = { slot: token.slot }
    const signer = await openTokenSigner({ keyProcess, where, label: LABEL, log, create: 'ML-DSA-87' })
    return new Stand(token, keyProcess, signer, log, () => forgotten)
  }

  async login(): Promise<void> {
    await this.keyProcess.login({ slot: this.token.slot }, bytes(PIN))
  }

  async close(): Promise<void> {
    this.faults.heal()
    this.batches.dispose()
    this.keyProcess.dispose()
    await this.keyProcess.closed()
    expect(this.log.lines.join('\n')).not.toContain('planted')
  }
}

/** For the tests of one `describe`: makes stands, which all go with the last test. `name`: of the bundle, its own in each file. */
export function faultsStands(name: string): (options?: Parameters<typeof Stand.create>[2]) => Promise<Stand> {
  const at = folder()
  const stands: Stand[] = []
  let path = ''
  beforeAll(async () => {
    path = await buildKeyProcess(name)
  })
  afterAll(async () => {
    for (const stand of stands) await stand.close()
    at.remove()
  })
  return async (options) => {
    const made = await Stand.create(at.file(`token${stands.length}`), path, options)
    stands.push(made)
    return made
  }
}

/** What a person notices of an editor: its event loop stood still for so long. */
const NOTICED_MS = 50
const EVERY_MS = 2
const ATTEMPTS = 5

/**
 * Runs `work`, which must not block this process: its event loop is never held up for 50 ms. Where that took longer it is
 * done again, because a machine that does other things as well can do that too, but not at the same place each time. What
 * blocks by itself (a synchronous call into a module, a loop over everything that waits) does so in every attempt.
 *
 * Control: what it takes at that moment to start a program that does nothing. Node waits until the system has run it, and a
 * key process that died is started again; on an idle machine that is a few milliseconds.
 */
export async function responsive<T>(work: () => Promise<T>): Promise<T> {
  const delays: string[] = []
  for (;;) {
    const { result, most } = await delayed(work)
    if (most < NOTICED_MS) return result
    const control = await startingTakes()
    if (most - control < NOTICED_MS) return result
    delays.push(`${most} (control ${control})`)
    if (delays.length === ATTEMPTS) expect.fail(`The event loop stood still for ${delays.join(', ')} ms.`)
  }
}

async function startingTakes(): Promise<number> {
  let most = 0
  for (let n = 0; n < 5; n += 1) {
    const [began, waited] = [performance.now(), waitedForCpu()]
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    most = Math.max(most, performance.now() - began - (waitedForCpu() - waited))
    await once(child, 'exit')
  }
  return Math.round(most)
}

/** The longest time in ms for which this process did not come back to its event loop. */
async function delayed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly most: number }> {
  let most = 0
  let last = performance.now()
  let waited = waitedForCpu()
  const ticking = setInterval(() => {
    const [now, waitedBy] = [performance.now(), waitedForCpu()]
    most = Math.max(most, now - last - EVERY_MS - (waitedBy - waited))
    last = now
    waited = waitedBy
  }, EVERY_MS)
  try {
    const result = await work()
    return { result, most: Math.round(most) }
  } finally {
    clearInterval(ticking)
  }
}

/**
 * Milliseconds that this thread was ready to run and another program had the processor (Linux, /proc/self/schedstat): with
 * more programs than processors that is most of every delay, and says nothing about this one. 0 where it is not known.
 */
function waitedForCpu(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
