import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SampleGateway } from '../../../src/extension/sample/sampleGateway.ts'
import { silentLog } from '../../../src/support/log.ts'
import { type Bundles, buildChain } from './build.ts'

let bundles: Bundles
beforeAll(async () => {
  bundles = await buildChain()
})

describe('the sample gateway of a window', () => {
  const never = new AbortController().signal
  const folder = mkdtempSync(join(tmpdir(), 'countersign-'))
  let sample: SampleGateway
  afterEach(async () => {
    await sample.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  function open(): SampleGateway {
    const { cli, sampleServer } = bundles
    return new SampleGateway({ cli, sampleServer, sample: join(folder, 'sample') }, silentLog)
  }

  /** Resolves with the entry and notes each step that a person is told of. */
  const start = (signal = never, steps: string[] = []) => sample.start(signal, (step) => steps.push(step))

  it('is one, however often it is started, and another one after it was killed', async () => {
    sample = open()
    const steps: string[] = []
    const [one, other] = await Promise.all([start(never, steps), start(never, steps)])
    expect(other).toEqual(one)
    expect(steps.filter((step) => step === 'starting the gateway')).toHaveLength(1)
    const pid = sample.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => sample.pid).toBeUndefined()
    const again = await start()
    expect(again.pin).toBe(one.pin)
    expect(again.route).not.toEqual(one.route)
  })

  it('is not started for somebody who changed their mind, and then for the next one', async () => {
    sample = open()
    const abort = new AbortController()
    const cancelled = start(abort.signal)
    const wanted = start()
    abort.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    await expect(wanted).resolves.toMatchObject({ name: 'sample' })
  })
})
