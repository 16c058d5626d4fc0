import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { notifications, panel, runCommand, screenshot, whyNoEditor } from './driver/index.mjs'
import { builtPackage, openStage, OUTPUT, type Stage } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()

/** What only an editor in German tells: that titles of commands, sentences of the host and words of the panel all come from it. */
describe.skipIf(noEditor !== undefined)(`a VS Code in German${noEditor ? ` (skipped: ${noEditor})` : ''}`, () => {
  let stage: Stage

  setUp(async (folder, later) => {
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), {}, undefined, { language: 'de' })
    later(() => stage.close())
  })

  stepByStep('german', () => ({ stage }))

  test('a command has its German title, and says in German what it did', async () => {
    await runCommand(stage.page, 'Countersign: Trennen')
    await notifications(stage.page).waitFor('Countersign: Es ist keine Sitzung offen.')
  })

  test('the panel is German', async () => {
    const { page } = stage
    await runCommand(page, 'Countersign: Panel öffnen')
    await panel(page).waitFor()
    const tabs = await panel(page).locator('vscode-panel-tab').allInnerTexts()
    expect(tabs.map((text) => text.trim())).toEqual(['Sitzungen', 'Kontexte', 'HSM', 'Bruchversuch'])
    expect(await panel(page).signer()).toBe('noch kein Schlüssel: Es kann nichts signiert werden')
    await screenshot(page, path.join(OUTPUT, 'german.png'))
  })
})
