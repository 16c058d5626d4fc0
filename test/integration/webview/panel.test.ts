import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  activeRow,
  focusedId,
  focusedNumber,
  frames,
  markRows,
  missed,
  numberPressable,
  overflowing,
  rowOrder,
  scrollRows,
  topRow,
  traces,
} from '../../webview/inPage.mjs'
import { SCENES } from '../../webview/scenes.mjs'
import { openStage, type Stage } from '../../webview/stage.mjs'

const main = new Set(['sessions', 'contexts', 'contexts-searched', 'hsm', 'trial', 'bundle-stranger'])

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
})

/** What sticks out of a window of this width, drawn anew. */
async function overflowingAt(page: Page, width: number): Promise<string[]> {
  await page.setViewportSize({ width, height: 1000 })
  await page.evaluate(frames)
  return (await page.evaluate(overflowing)).map((line) => `${width}: ${line}`)
}

describe('every view and state', () => {
  it.each(SCENES.filter(({ name }) => main.has(name)))(
    '$name fits: 1000 px wide, 640, zoomed to 200 %, and 400',
    async ({ act, ...options }) => {
      const opened = await stage.open({ ...options, width: 1000, height: 1000 })
      await act?.(opened)
      const found: string[] = []
      // Zoomed: a window of 1200 px has 600 of the page's.
      for (const width of [1000, 640, 600, 400]) found.push(...(await overflowingAt(opened.page, width)))
      await opened.close()
      expect(found).toEqual([])
    },
  )

  it.each(SCENES.filter(({ name }) => main.has(name)))(
    '$name: the Tab key reaches everything that can be pressed',
    async ({ act, ...options }) => {
      const opened = await stage.open(options)
      const { page } = opened
      await act?.(opened)
      const wanted = await page.evaluate(numberPressable)
      // The trial that is over has its tab, its button and the text that scrolls; every other view has more.
      expect(wanted).toBeGreaterThan(options.view === 'trial' ? 2 : 3)
      const reached = new Set<string>()
      for (let pressed = 0; pressed < wanted * 2 + 10 && reached.size <= wanted; pressed++) {
        await page.keyboard.press('Tab')
        reached.add(await page.evaluate(focusedNumber))
      }
      const left = await page.evaluate(missed, [...reached])
      await opened.close()
      expect(left).toEqual([])
    },
  )
})

describe('a list of a hundred thousand contexts', () => {
  it('is walked by keys from end to end, opened and left again', async () => {
    const { page, close } = await stage.open({ view: 'contexts', count: 100_000 })
    await page.locator('#context-rows').focus()
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => page.evaluate(activeRow)).toBeTruthy()
    const first = await page.evaluate(activeRow)
    await page.keyboard.press('End')
    await expect.poll(() => page.locator('.li.sel').getAttribute('aria-posinset')).toBe('100000')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('PageUp')
    await page.keyboard.press('Home')
    await expect.poll(() => page.evaluate(activeRow)).toBe(first)
    expect(await page.locator('.extent > .li').count()).toBeLessThan(80)
    await page.keyboard.press('Enter')
    expect(await page.evaluate(focusedId)).toBe('context-title')
    await page.keyboard.press('Escape')
    expect(await page.evaluate(focusedId)).toBe('context-rows')
    await close()
  })

  it('shows the rows wherever one scrolls, and stays there when newer ones come', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', count: 100_000 })
    for (const at of [1_000_000, 2_399_000, 240_000]) {
      await page.evaluate(scrollRows, at)
      await expect.poll(() => page.evaluate(topRow)).toMatch(/^context-/)
    }
    const before = await page.evaluate(topRow)
    host.bring(9)
    await expect.poll(() => page.locator('.foot').innerText()).toContain('100,009')
    expect(await page.evaluate(topRow)).toBe(before)
    await close()
  })

  it('is drawn with the same elements wherever one scrolls, in the order of the list', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', count: 100_000 })
    const order = () => page.evaluate(rowOrder)
    const settled = async () => await expect.poll(async () => (await order()).waiting).toBe(0)
    await page.evaluate(scrollRows, 1_200_000)
    await settled()
    await page.evaluate(markRows)
    // A line, a screen, back by either, and far away: nothing is made anew, and what waits says so and nothing else.
    for (const at of [1_200_024, 1_200_480, 1_200_456, 1_199_700, 40_000, 2_000_000]) {
      await page.evaluate(scrollRows, at)
      await expect.poll(async () => (await order()).places.includes(Math.floor(at / 24) + 1)).toBe(true)
      const { places, fresh, left } = await order()
      expect({ fresh, left }).toEqual({ fresh: 0, left: 0 })
      expect(places).toEqual(places.map((_, index) => (places[0] ?? 0) + index))
    }
    await settled()
    host.bring(9)
    await expect.poll(() => page.locator('.foot').innerText()).toContain('100,009')
    expect(await order()).toMatchObject({ fresh: 0, waiting: 0 })
    // At the ends there are fewer; what leaves there is not kept.
    await page.evaluate(scrollRows, 0)
    await expect.poll(async () => (await order()).places[0]).toBe(1)
    await page.evaluate(scrollRows, 1e9)
    await expect.poll(async () => (await order()).places.at(-1)).toBe(100_009)
    await close()
  })

  it('is live at the top, where a verdict arrives in place', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', count: 200 })
    const newest = page.locator('.li[aria-posinset="1"]')
    await newest.click()
    await expect.poll(() => page.locator('.pane-head .verdict').innerText()).toContain('pending')
    const id = await newest.getAttribute('id')
    host.settle()
    await expect.poll(() => page.locator(`#${id}`).getAttribute('aria-label')).toMatch(/^verified/)
    await expect.poll(() => page.locator('.pane-head .verdict').innerText()).toContain('verified')
    host.bring(3)
    await expect.poll(() => page.locator(`#${id}`).getAttribute('aria-posinset')).toBe('4')
    await close()
  })

  it('held, says how many are newer, and shows them when let go', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', count: 200 })
    const newest = await page.locator('.li[aria-posinset="1"]').getAttribute('id')
    await page.locator('vscode-button', { hasText: 'Hold' }).click()
    host.bring(7)
    await expect.poll(() => page.locator('.newer').innerText()).toBe('7 newer contexts')
    expect(await page.locator('.li[aria-posinset="1"]').getAttribute('id')).toBe(newest)
    await page.locator('.newer').click()
    await expect.poll(() => page.locator(`#${newest}`).getAttribute('aria-posinset')).toBe('8')
    await close()
  })

  it('is filtered by what one types and chooses', async () => {
    const { page, close } = await stage.open({ view: 'contexts', count: 100_000 })
    await page.locator('.flt input').fill('tool:write_file tickets')
    await expect.poll(() => page.locator('.foot').innerText()).toMatch(/^[\d,]+ of 100,000/)
    await expect
      .poll(() =>
        page
          .locator('.li[role="option"]')
          .evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-label') ?? '')),
      )
      .toSatisfy((rows: string[]) => rows.length > 10 && rows.every((row) => /write_file (to|from) tickets/.test(row)))
    await page.locator('.count.rejected').click()
    await expect.poll(() => page.locator('.empty').innerText()).toContain('No context matches')
    await page.locator('vscode-button', { hasText: 'Clear Filter' }).click()
    await expect.poll(() => page.locator('.foot').innerText()).toMatch(/^100,000/)
    await close()
  })
})

describe('a text that only the journal has', () => {
  it('is searched for there: how far it is can be seen, what was left out is said', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', scene: 'journal' })
    const said = page.locator('.journal [role="status"]')
    await page.locator('.flt input').fill('notes-46')
    await expect
      .poll(() => page.locator('.journal').innerText())
      .toMatch(/^Searching the journal: [\d,]+ of 4,\d+ contexts/)
    expect(await said.innerText()).toBe('Searching the journal for older contexts.')
    host.finish()
    await expect
      .poll(() => said.innerText())
      .toMatch(
        /^The journal was searched for older contexts\.\s*Contexts kept as digest only, or encrypted, were not searched: 68\d\s*Files of the journal that could not be read: 1$/,
      )
    // 46, 460 to 469 and 4600 to 4699, without each seventh.
    await expect.poll(() => page.locator('.foot').innerText()).toMatch(/^9\d of 4,800/)
    await expect.poll(() => page.locator('.li[role="option"]').count()).toBeGreaterThan(10)
    await page.locator('.flt input').fill('tool:read')
    await expect.poll(() => page.locator('.journal').count()).toBe(0)
    await close()
  })

  it('is no longer searched for when the filter is cleared', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts', scene: 'journal' })
    await page.locator('.flt input').fill('nowhere')
    await expect.poll(() => page.locator('.journal').innerText()).toMatch(/^Searching the journal: /)
    expect(host.searching).toBe(1)
    await page.locator('.flt input').fill('')
    await expect.poll(() => host.searching).toBe(0)
    await expect.poll(() => page.locator('.journal').count()).toBe(0)
    await close()
  })
})

describe('an opened context', () => {
  it('folds with keys, and shows its bytes and what was signed', async () => {
    const { page, host, close } = await stage.open({ view: 'contexts' })
    await page.locator('.li[role="option"]', { hasText: 'n=' }).first().click()
    const tree = page.locator('[role="tree"]').first()
    await tree.focus()
    const lines = await tree.locator('.ln').count()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => tree.locator('.ln').count()).toBe(1)
    expect(await tree.locator('[role="treeitem"]').first().getAttribute('aria-expanded')).toBe('false')
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => tree.locator('.ln').count()).toBe(lines)
    await page.locator('.ways .link', { hasText: 'Bytes' }).first().click()
    await expect.poll(() => page.locator('.hex').first().innerText()).toContain('7b 22 6a 73 6f 6e 72 70')
    await page.locator('summary', { hasText: 'JWS' }).click()
    expect(await page.locator('.exact', { hasText: 'protected' }).innerText()).toMatch(/^\{"protected":/)
    await page.locator('vscode-button', { hasText: 'Export' }).click()
    await expect.poll(() => host.asked).toContain('exportEvidence')
    await close()
  })
})

describe('the trial', () => {
  it('is begun and cancelled here, and goes red where something was not refused', async () => {
    const empty = await stage.open({ view: 'trial' })
    await empty.page.locator('.empty vscode-button', { hasText: 'Try to Break It' }).click()
    await expect.poll(() => empty.host.asked).toContain('startTrial')
    await empty.close()
    const running = await stage.open({ view: 'trial', scene: 'trial-running' })
    await running.page.locator('.attempts vscode-button', { hasText: 'Cancel' }).click()
    await expect.poll(() => running.host.asked).toContain('cancelTrial')
    expect(await running.page.locator('.try.running').count()).toBe(1)
    await running.close()
    const { page, close } = await stage.open({ view: 'trial', scene: 'trial-broken' })
    expect(await page.locator('[role="status"].summary.rejected').innerText()).toMatch(/^(\d+) of (?!\1)/)
    expect(await page.locator('.try.failed .v.rejected').innerText()).toBe('NOT refused')
    await close()
  })
})

describe('a hostile context', () => {
  it('is text, marked, and nothing else', async () => {
    const { page, close } = await stage.open({ view: 'contexts' })
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await page.locator('.li[role="option"]', { hasText: '202E' }).first().click()
    await page.locator('.answers [role="tree"]').waitFor()
    const seen = await page.evaluate(traces)
    await close()
    expect(dialogs).toEqual([])
    expect([seen.markup, seen.raw, seen.titles]).toEqual([0, false, false])
    for (const name of ['right-to-left override', 'zero width space', 'control character']) {
      expect(
        seen.marked.some((title) => title.includes(name)),
        name,
      ).toBe(true)
    }
    expect(seen.widest).toBeLessThan(2_000)
    expect(seen.lines).toBeLessThanOrEqual(2_002)
    // The toolkit's own style elements are refused by the policy and not needed; a script must never be.
    expect(seen.refused.filter((line) => !line.startsWith('style-src'))).toEqual([])
  })
})

describe('in German', () => {
  // The scene of a search waits for English words.
  it.each(SCENES.filter(({ name }) => main.has(name) && name !== 'contexts-searched'))(
    '$name is told in German, and fits',
    async ({ act, ...options }) => {
      const opened = await stage.open({ ...options, language: 'de', height: 1000 })
      const { page } = opened
      await act?.(opened)
      expect(await page.locator('html').getAttribute('lang')).toBe('de')
      const text = await page.locator('#root').textContent()
      expect(text).toMatch(/Kontexte/)
      expect(text).not.toMatch(/\b(Contexts|Sessions|Custody|Verdict|Readiness|Attributes|Checks)\b/)
      const found = [...(await overflowingAt(page, 1200)), ...(await overflowingAt(page, 400))]
      await opened.close()
      expect(found).toEqual([])
    },
  )
})

it('nothing went wrong in any page', () => {
  expect(stage.problems).toEqual([])
})
