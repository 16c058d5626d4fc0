import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { wearTheme } from '../../webview/inPage.mjs'
import { SCENES } from '../../webview/scenes.mjs'
import { openStage, type Stage, type Theme, THEMES } from '../../webview/stage.mjs'

/** What is asked of every theme; what has nothing to do with colour is asked once. */
const OF_COLOUR = ['color-contrast', 'link-in-text-block']
const CLASSES: Record<Theme, string> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  hc: 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast vscode-high-contrast-light',
}

let stage: Stage
let axe: string
beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
})

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** Violations as lines; the browser runs axe itself, not a copy of its rules. */
async function violations(page: Page, theme: Theme, rules: readonly string[] | undefined): Promise<string[]> {
  await page.evaluate(wearTheme, CLASSES[theme])
  // Nobody reads what passed.
  const options = {
    resultTypes: ['violations'],
    ...(rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }),
  }
  const found: Violation[] = await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )
  // Three of each tell what it is; a list would repeat it for every row.
  return found.flatMap(({ id, nodes }) =>
    nodes
      .slice(0, 3)
      .map(
        ({ html, failureSummary }) => `${theme}, ${id}: ${html.slice(0, 160)} ${failureSummary?.split('\n')[1] ?? ''}`,
      ),
  )
}

it.each(SCENES)('$name has no violation that axe finds, in any theme', async ({ act, ...options }) => {
  const opened = await stage.open(options)
  await act?.(opened)
  await opened.page.evaluate(axe)
  const found: string[] = []
  for (const [at, theme] of THEMES.entries()) {
    found.push(...(await violations(opened.page, theme, at === 0 ? undefined : OF_COLOUR)))
  }
  await opened.close()
  expect(found).toEqual([])
})

it('nothing went wrong in any page', () => {
  expect(stage.problems).toEqual([])
})
