import { beforeEach } from 'vitest'
import { notifications } from './driver/index.mjs'
import { type GatewayProcess, keepTraces, type Stage } from './stage.ts'

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
