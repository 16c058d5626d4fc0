import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeBundleHost } from '../../webview/bundleHost.ts'
import { bundleReport } from '../../webview/dataBundle.ts'
import { traces } from '../../webview/inPage.mjs'
import { openStage, type Stage } from '../../webview/stage.mjs'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
})

const open = async (scene: string) =>
  await stage.open({ of: 'bundle', host: (post) => new FakeBundleHost(post, scene) })

describe('the editor for bundles in a browser', () => {
  it('says what is false apart from what is missing, and on which lines', async () => {
    const { page, close } = await open('false')
    expect(await page.locator('h1').innerText()).toBe('False')
    const groups = await page.locator('.findings').allInnerTexts()
    expect(groups).toHaveLength(2)
    expect(groups[0]).toMatch(/^False\n.*not the ones that were signed\. lines 9, 14/)
    expect(groups[1]).toMatch(/^Missing[^]*c2s lacks 1 statement/)
    expect(await page.locator('tbody tr', { hasText: 'cannot be read' }).count()).toBe(1)
    expect(await page.locator('tbody .v.rejected').count()).toBe(2)
    await close()
  })

  it('asks the host for trust in the key that was pressed, and to verify again', async () => {
    const { page, host, close } = await open('stranger')
    const [first] = bundleReport('stranger').keys
    await page.locator('.keys vscode-button').first().click()
    await expect.poll(() => host.asked).toContain(`trust ${first?.kid}`)
    await page.locator('.verdict vscode-button').click()
    await expect.poll(() => host.asked.at(-1)).toBe('again')
    await close()
  })

  it('says where its list ends, and shows what hides', async () => {
    const { page, close } = await open('incomplete')
    expect(await page.locator('.report').innerText()).toContain('The first 24 of 12,408 contexts are listed')
    const { markup, raw, titles, refused } = await page.evaluate(traces)
    expect([markup, raw, titles]).toEqual([0, false, false])
    expect(refused.filter((line) => !line.startsWith('style-src'))).toEqual([])
    expect(await page.locator('tbody .odd').first().innerText()).toBe('\\u{202E}')
    await close()
  })

  it('drops what is no message of ours', async () => {
    const { page, host, close } = await open('holds')
    const evil = { type: 'report', report: { ...bundleReport('false'), verdict: 'holds', extra: 1 } }
    await page.evaluate(`window.postMessage(${JSON.stringify(evil)}, '*')`)
    await host.receive({ type: 'ready' })
    expect(await page.locator('h1').innerText()).toBe('Verified')
    expect(await page.locator('.findings').count()).toBe(0)
    await close()
  })
})
