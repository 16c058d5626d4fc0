import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { panel, runCommand, screenshot, whyNoEditor } from './driver/index.mjs'
import { builtPackage, openStage, OUTPUT, type Stage } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const skipped = await whyNoEditor()
const SUMMARY = /(\d+) of \1 refused; 3 of 3 controls went through/

/** *Try to Break It* from the palette, in an editor that has no key and no gateway, and has neither afterwards. */
describe.skipIf(skipped !== undefined)(`the trial${skipped ? ` (skipped: ${skipped})` : ''}`, () => {
  let stage: Stage
  const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('countersign-trial-'))
  let before: string[]

  setUp(async (folder, later) => {
    before = await left()
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), {})
    later(() => stage.close())
  })

  stepByStep('trial', () => ({ stage }))

  test('shows in the panel that every attack was refused, and by whom', async () => {
    const { page } = stage
    await runCommand(page, 'Countersign: Try to Break It')
    const shown = panel(page)
    await shown.waitFor()
    await shown.locator('#tab-trial[aria-selected="true"]').waitFor()
    await shown.locator('.attempts .summary').filter({ hasText: SUMMARY }).waitFor({ timeout: 120_000 })
    expect(await shown.locator('.try.failed').count()).toBe(0)
    expect(await shown.locator('.try.refused').count()).toBeGreaterThan(17)
    expect(await shown.locator('.try').filter({ hasText: 'Alter the context' }).first().innerText()).toMatch(
      /The gateway: statement-invalid .* What reached the server: 0 bytes\./,
    )
    await screenshot(page, path.join(OUTPUT, 'trial.png'))
  })

  test('is cancelled in the panel, and leaves neither key nor pin nor folder', async () => {
    const shown = panel(stage.page)
    await shown.locator('vscode-button').filter({ hasText: 'Try Again' }).click()
    await shown.locator('.try.refused').first().waitFor()
    await shown.locator('.attempts vscode-button').filter({ hasText: 'Cancel' }).click()
    await shown.locator('.attempts .summary').filter({ hasText: 'Cancelled.' }).waitFor()
    for (const name of ['vault.json', 'state', 'journal', 'sample']) {
      expect(existsSync(path.join(stage.storage, name)), name).toBe(false)
    }
    await expect.poll(async () => (await left()).filter((name) => !before.includes(name))).toEqual([])
  })
})
