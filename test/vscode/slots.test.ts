import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { initNssToken, type NssToken, whyNoNss } from '../integration/keys/nssToken.ts'
import { quickInput, screenshot, setTheme, whyNoEditor } from './driver/index.mjs'
import { builtPackage, keepTraces, openStage, OUTPUT, type Stage, temporaryFolder } from './stage.ts'

const skipped = (await whyNoEditor()) ?? (await whyNoNss())
const PIN = 'planted-Tree-61d2c8'

/** The view in the activity bar: empty with a way on, then a real token, live, with the commands of its context menu. */
describe.skipIf(skipped !== undefined)(`the tree view of slots${skipped ? ` (skipped: ${skipped})` : ''}`, () => {
  let folder: string
  let token: NssToken
  let stage: Stage

  beforeAll(async () => {
    folder = await temporaryFolder()
    await mkdir(OUTPUT, { recursive: true })
    token = await initNssToken(path.join(folder, 'token'), { pin: PIN })
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), {})
  })
  afterAll(async () => {
    await stage?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const row = (text: string | RegExp) => stage.page.locator('.pane-body .monaco-list-row', { hasText: text }).first()

  test('is empty until there is a module, and then says what each slot can do', async () => {
    keepTraces('slots', stage)
    const { page, server } = stage
    await page.locator('.activitybar .action-label[aria-label="Countersign"]').click()
    const welcome = page.locator('.pane-body .welcome-view-content')
    await welcome.getByText('No PKCS#11 module yet.').waitFor({ timeout: 30_000 })
    expect(await welcome.locator('.monaco-button').textContent()).toContain('Add a PKCS#11 Module…')
    await screenshot(page, path.join(OUTPUT, 'slots-empty.png'))

    const { module, libraryParameters } = token
    await server.updateSettings({ 'countersign.modules': [{ path: module, libraryParameters, name: 'Ops HSM' }] })
    await row('Ops HSM').waitFor({ timeout: 30_000 })
    await row('NSS Certificate DB').waitFor({ timeout: 30_000 })
    expect(await row('NSS Certificate DB').textContent()).toMatch(/usable · PIN wanted · slot 2 · ML-DSA-87/)
  })

  test('unlocks the slot that its menu was opened on, and shows it by itself', async () => {
    keepTraces('slots', stage)
    const { page } = stage
    await row('NSS Certificate DB').click({ button: 'right' })
    const entry = page.locator('.context-view .action-label', { hasText: 'Unlock' })
    await entry.waitFor()
    // The editor drops a click that comes while it is still opening the menu, and leaves the menu open.
    await until('the menu to take the click', async () => {
      await entry.click({ timeout: 2_000 }).catch(() => {})
      return !(await entry.isVisible())
    })
    const box = quickInput(page)
    await box.waitFor()
    expect(await box.title()).toContain('NSS Certificate DB')
    await box.type(PIN)
    await box.accept()
    await row(/usable · slot 2/).waitFor({ timeout: 30_000 })
    for (const theme of ['dark', 'light', 'hc-dark', 'hc-light'] as const) {
      await setTheme(page, stage.server, theme)
      await screenshot(page, path.join(OUTPUT, `slots-${theme}.png`))
    }
  })
})
