import { mkdir, rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { notifications } from './driver/index.mjs'
import { type GatewayProcess, keepTraces, OUTPUT, type Stage, temporaryFolder } from './stage.ts'

type Later = (close: () => Promise<unknown>) => void

/** Sets up what the tests of this `describe` stand on, in a folder of their own. What `later` is given ends it, the last one first. */
export function setUp(work: (folder: string, later: Later) => Promise<void>): void {
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    await mkdir(OUTPUT, { recursive: true })
    const folder = await temporaryFolder()
    closing.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    await work(folder, (close) => closing.push(close))
  })
  afterAll(async () => {
    const ended = []
    for (const close of closing.toReversed()) ended.push(...(await Promise.allSettled([close()])))
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  })
}

/**
 * The tests of this `describe` are the steps of one story in one VS Code: each begins where the one before it ended. What fails
 * is not repaired for the next one, and leaves its traces. No step sees a notification of the steps before it.
 */
export function stepByStep(
  story: string,
  where: () => { readonly stage: Stage; readonly gateway?: GatewayProcess },
): void {
  let broken = false
  beforeEach(async ({ task }) => {
    if (broken) throw new Error('a step before this one failed')
    broken = true
    const { stage, gateway } = where()
    keepTraces(`${story}-${task.name.replaceAll(/\W+/g, '-').slice(0, 60)}`, stage, gateway)
    await stage.server.helper.command('notifications.clearAll')
    await notifications(stage.page).forget()
    return () => {
      broken = task.result?.state === 'fail'
    }
  })
}
