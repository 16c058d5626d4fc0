import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { initNssToken, type NssToken, whyNoNss } from '../integration/keys/nssToken.ts'
import { pickFromMenu, quickInput, screenshot, setTheme, whyNoEditor } from './driver/index.mjs'
import { builtPackage, openStage, OUTPUT, type Stage } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const skipped = (await whyNoEditor()) ?? (await whyNoNss())
const PIN = 'planted-Tree-61d2c8'

/** The view in the activity bar: empty with a way on, then a real token, live, with the commands of its context menu. */
describe.skipIf(skipped !== undefined)(`the tree view of slots${skipped ? ` (skipped: ${skipped})` : ''}`, () => {
  let token: NssToken
  let stage: Stage

  setUp(async (folder, later) => {
    token = await initNssToken(path.join(folder, 'token'), { pin: PIN })
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), {})
    later(() => stage.close())
  })

  stepByStep('slots', () => ({ stage }))

  const row = (text: string | RegExp) => stage.page.locator('.pane-body .monaco-list-row', { hasText: text }).first()

  test('is empty until there is a module, and then says what each slot can do', async () => {
    const { page, server } = stage
    await page.locator('.activitybar .action-label[aria-label="Countersign"]').click()
    const welcome = page.locator('.pane-body .welcome-view-content')
    await welcome.getByText('No PKCS#11 module yet.').waitFor()
    expect(await welcome.locator('.monaco-button').textContent()).toContain('Add a PKCS#11 Module…')
    await screenshot(page, path.join(OUTPUT, 'slots-empty.png'))

    const { module, libraryParameters } = token
    await server.updateSettings({ 'countersign.modules': [{ path: module, libraryParameters, name: 'Ops HSM' }] })
    await row('Ops HSM').waitFor()
    await row('NSS Certificate DB').waitFor()
    expect(await row('NSS Certificate DB').textContent()).toMatch(/usable · PIN wanted · slot 2 · ML-DSA-87/)
  })

  test('unlocks the slot that its menu was opened on, and shows it by itself', async () => {
    const { page } = stage
    await pickFromMenu(row('NSS Certificate DB'), 'Unlock')
    await quickInput(page).givePin(/NSS Certificate DB/, PIN)
    await row(/usable · slot 2/).waitFor()
    for (const theme of ['dark', 'light', 'hc-dark', 'hc-light'] as const) {
      await setTheme(page, stage.server, theme)
      await screenshot(page, path.join(OUTPUT, `slots-${theme}.png`))
    }
  })
})
