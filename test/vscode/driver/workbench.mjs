// @ts-check
import { PATIENCE_MS, until } from '../../demo/waiting.mjs'
import { actUntil, appears, click } from './acts.mjs'
import { quickInput } from './quickInput.mjs'

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Locator} Locator */
/** @typedef {import('playwright-core').FrameLocator} FrameLocator */
/** @typedef {import('./codeServer.mjs').CodeServer} CodeServer */

/**
 * @param {Page} page
 * @param {string} url
 */
export async function openWorkbench(page, url) {
  await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 2 * PATIENCE_MS })
  await page.locator('.monaco-workbench .part.statusbar .statusbar-item').first().waitFor()
}

/**
 * Runs a command as a person does: F1, its title, Enter. Waits for commands whose extension is still being scanned.
 *
 * @param {Page} page
 * @param {string} title as the palette shows it, with the category
 */
export async function runCommand(page, title) {
  const input = quickInput(page)
  const row = input.row(title)
  const palette = page.locator('.quick-input-widget:visible input[placeholder="Type the name of a command to run."]')
  let wait = 2_000
  await until(
    () => `the command ${title} in the palette`,
    async () => {
      await page.keyboard.press('F1')
      // A palette that loses the focus to something that appears late is gone, with its input and its rows.
      const filled = palette.fill(`>${title}`, { timeout: wait })
      const found = await filled.then(() => appears(row, wait)).catch(() => false)
      if (found) return true
      // A list that was opened too early does not learn of new commands.
      await page.keyboard.press('Escape')
      wait *= 2
      return false
    },
  )
  // The list of a command is drawn into the rows of the palette: a row that is looked for earlier than the palette is gone can
  // turn into another one until it is clicked.
  await actUntil(
    `the command ${title}`,
    (timeout) => click(page, row, { timeout }),
    async () => !(await palette.isVisible()),
  )
}

/**
 * Takes an entry of the context menu of something.
 *
 * @param {Locator} what
 * @param {string} entry
 */
export async function pickFromMenu(what, entry) {
  const page = what.page()
  const item = page.locator('.context-view .action-label', { hasText: entry })
  await actUntil(
    'the context menu',
    (timeout) => click(page, what, { button: 'right', timeout }),
    () => item.isVisible(),
  )
  await actUntil(
    `the entry ${entry}`,
    (timeout) => click(page, item, { timeout }),
    async () => !(await item.isVisible()),
  )
}

/**
 * The inside of an extension's webview: of the panel that was opened last, or of a view in a side bar.
 *
 * @param {Page} page
 * @param {string} extensionId publisher.name
 * @param {{ view?: boolean }} [options]
 * @returns {FrameLocator}
 */
export function webviewFrame(page, extensionId, { view = false } = {}) {
  // Panels have no purpose in their address.
  const purpose = view ? '[src*="purpose=webviewView"]' : ':not([src*="purpose="])'
  return page
    .locator(`iframe.webview.ready[src*="extensionId=${extensionId}"]${purpose}`)
    .last()
    .contentFrame()
    .locator('iframe#active-frame')
    .contentFrame()
}

const THEMES = /** @type {const} */ ({
  dark: ['Default Dark Modern', 'vs-dark'],
  light: ['Default Light Modern', 'vs'],
  'hc-dark': ['Default High Contrast', 'hc-black'],
  'hc-light': ['Default High Contrast Light', 'hc-light'],
})

/**
 * @param {Page} page
 * @param {Pick<CodeServer, 'updateSettings'>} server
 * @param {keyof typeof THEMES} theme
 */
export async function setTheme(page, server, theme) {
  const [name, bodyClass] = THEMES[theme]
  const atOnce = await server.updateSettings({ 'workbench.colorTheme': name })
  if (!atOnce) await page.reload()
  await page.locator(`.monaco-workbench.${bodyClass}`).first().waitFor()
}

/**
 * @param {Page} page
 * @param {string} file
 */
export async function screenshot(page, file) {
  await page.screenshot({ path: file, animations: 'disabled' })
  return file
}
