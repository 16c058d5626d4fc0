// @ts-check
import { until } from '../../demo/waiting.mjs'

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Locator} Locator */
/** @typedef {import('playwright-core').FrameLocator} FrameLocator */
/** @typedef {import('./codeServer.mjs').CodeServer} CodeServer */

/**
 * @param {Page} page
 * @param {string} url
 */
export async function openWorkbench(page, url) {
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  await page.locator('.monaco-workbench .part.statusbar .statusbar-item').first().waitFor({ timeout: 60_000 })
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
  const deadline = Date.now() + 40_000
  for (;;) {
    await page.keyboard.press('F1')
    try {
      // A palette that loses the focus to something that appears late is gone, with its input and its rows.
      await palette.fill(`>${title}`, { timeout: 2_000 })
      await row.click({ timeout: 5_000 })
      // The list of a command is drawn into the rows of the palette: a row that is looked for earlier can turn into another
      // one until it is clicked.
      await palette.waitFor({ state: 'hidden', timeout: 5_000 })
      return
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`The palette has no ${title}; it shows: ${(await input.rows()).join(' | ')}`, { cause: error })
      }
      // A list that was opened too early does not learn of new commands.
      await page.keyboard.press('Escape')
    }
  }
}

/**
 * The quick pick or input box that is open.
 *
 * @param {Page} page
 */
export function quickInput(page) {
  const widget = page.locator('.quick-input-widget:visible')
  const input = widget.locator('.quick-input-box input:visible')
  const list = widget.locator('.quick-input-list .monaco-list-row')
  /** @param {string | RegExp} label */
  const row = (label) => {
    const name = typeof label === 'string' ? new RegExp(`^\\s*${escape(label)}\\s*$`) : label
    // The first line of a row. The second one keeps the detail of what the row showed before, hidden, where it has none.
    const first = page.locator('.quick-input-list-rows > :first-child .label-name', { hasText: name })
    return list.filter({ has: first }).first()
  }
  return {
    widget,
    input,
    row,
    /** @param {number} [timeout] */
    waitFor: (timeout = 15_000) => widget.waitFor({ timeout }),
    /** @param {number} [timeout] */
    waitForClosed: (timeout = 15_000) => widget.waitFor({ state: 'hidden', timeout }),
    title: () => text(widget.locator('.quick-input-title')),
    /** What stands under an input box: the prompt, or what is wrong with the value. */
    message: () => text(widget.locator('.quick-input-message')),
    placeholder: () => input.getAttribute('placeholder'),
    /** Labels with description and detail, without icons. Long lists are drawn in part. */
    rows: async () => (await list.allInnerTexts()).map((one) => one.replace(/\s+/g, ' ').trim()),
    /** @param {string | RegExp} label */
    pick: (label) => row(label).click({ timeout: 15_000 }),
    /** Ticks or unticks a row of a list with several choices. @param {string | RegExp} label */
    toggle: (label) => row(label).click({ timeout: 15_000 }),
    /** @param {string} value */
    type: (value) => input.fill(value, { timeout: 15_000 }),
    // Not to the page: a panel that takes the focus would get them.
    accept: () => input.press('Enter', { timeout: 5_000 }),
    cancel: () => input.press('Escape', { timeout: 5_000 }),
  }
}

/**
 * The notification toasts that are shown.
 *
 * @param {Page} page
 */
export function notifications(page) {
  const toasts = page.locator('.notifications-toasts .notification-list-item')
  /** @param {string | RegExp} content */
  const one = (content) => toasts.filter({ hasText: content }).last()
  const texts = async () =>
    (await toasts.locator('.notification-list-item-message').allInnerTexts()).map((each) => each.trim())
  /** @param {string | RegExp} content @param {number} [timeout] */
  const waitFor = async (content, timeout = 20_000) => {
    /** @type {Set<string>} */
    const seen = new Set()
    await until(
      () => `a notification with ${content}, among ${JSON.stringify([...seen])}`,
      async () => {
        for (const text of await texts()) seen.add(text)
        return await one(content).isVisible()
      },
      timeout,
    )
  }
  return {
    texts,
    waitFor,
    /** @param {string | RegExp} content @param {string} button */
    click: async (content, button) => {
      await waitFor(content)
      await one(content).getByRole('button', { name: button, exact: true }).click()
    },
    /** @param {string | RegExp} content */
    close: async (content) => {
      await one(content).hover()
      await one(content).locator('.codicon-notifications-clear').click()
    },
  }
}

/**
 * The modal dialog that is open.
 *
 * @param {Page} page
 */
export function modalDialog(page) {
  const box = page.locator('.monaco-dialog-box')
  return {
    box,
    /** @param {number} [timeout] */
    waitFor: (timeout = 20_000) => box.waitFor({ timeout }),
    // Without a detail the message stands in the detail's place.
    message: () => text(box.locator('.dialog-message-text, .dialog-message-detail')),
    detail: () => text(box.locator('.dialog-message-detail')),
    buttons: async () =>
      (await box.locator('.dialog-buttons .monaco-button:not(.monaco-dropdown-button)').allInnerTexts()).filter(
        (label) => label.trim() !== '',
      ),
    /** @param {string} button */
    click: async (button) => {
      await box.waitFor({ timeout: 20_000 })
      await box.getByRole('button', { name: button, exact: true }).click()
      await box.waitFor({ state: 'hidden', timeout: 15_000 })
    },
  }
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
  await page.locator(`.monaco-workbench.${bodyClass}`).first().waitFor({ timeout: 20_000 })
}

/**
 * @param {Page} page
 * @param {string} file
 */
export async function screenshot(page, file) {
  await page.screenshot({ path: file, animations: 'disabled' })
  return file
}

/** @param {Locator} locator */
async function text(locator) {
  return (await locator.first().innerText()).trim()
}

/** @param {string} value */
function escape(value) {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
