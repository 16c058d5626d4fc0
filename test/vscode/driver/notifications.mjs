// @ts-check
import { until } from '../../demo/waiting.mjs'
import { actUntil, click, holds } from './acts.mjs'

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').BrowserContext} BrowserContext */

/**
 * Writes down each notification from the moment it is raised, as the editor tells it to a screen reader. What it draws is less:
 * three toasts at most, fewer where several come at once, and each only for a while.
 *
 * @param {BrowserContext} context
 */
export async function writeDownNotifications(context) {
  await context.addInitScript(writeDown)
}

function writeDown() {
  // A webview is a window as well.
  if (window !== window.top) return
  /** @type {string[]} */
  const said = []
  Object.assign(window, { countersignSaid: said })
  const alerts = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const { textContent } of addedNodes) {
        const [, text] = /^(?:Info|Warning|Error): ([^]*)$/.exec(textContent ?? '') ?? []
        if (text !== undefined) said.push(text.trim())
      }
    }
  })
  // Of the whole document it would see every cell that is drawn.
  const places = new MutationObserver(() => {
    const place = document.querySelector('.monaco-aria-container')
    if (place === null) return
    places.disconnect()
    alerts.observe(place, { childList: true, subtree: true })
  })
  places.observe(document, { childList: true, subtree: true })
}

/**
 * The notifications since the page was loaded, or since `forget`.
 *
 * @param {Page} page
 */
export function notifications(page) {
  const center = page.locator('.notifications-center')
  const drawn = page.locator('.notifications-toasts, .notifications-center').locator('.notification-list-item:visible')
  /** @returns {Promise<string[]>} */
  const texts = () => page.evaluate('window.countersignSaid ?? []')
  /** @param {string | RegExp} content */
  const waitFor = async (content) => {
    /** @type {string[]} */
    let said = []
    await until(
      () => `a notification with ${content}, among ${JSON.stringify(said)}`,
      async () => {
        said = await texts()
        return said.some((text) => holds(content, text))
      },
    )
  }
  /** The list of all of them: what is drawn as a toast is up to the editor. @param {boolean} open */
  const setCenter = async (open) => {
    const shown = () => center.isVisible()
    if ((await shown()) === open) return
    const bell = page.locator('#status\\.notifications')
    await actUntil(
      'the bell in the status bar',
      (timeout) => click(page, bell, { timeout }),
      async () => (await shown()) === open,
    )
  }
  return {
    texts,
    waitFor,
    /** What was said until now is over. */
    forget: () => page.evaluate('window.countersignSaid?.splice(0)'),
    /** @param {string | RegExp} content @param {string} button */
    click: async (content, button) => {
      await waitFor(content)
      const one = drawn.filter({ hasText: content }).first()
      await setCenter(true)
      await actUntil(
        `the button ${button} of the notification with ${content}`,
        (timeout) => one.getByRole('button', { name: button, exact: true }).press('Enter', { timeout }),
        async () => !(await one.isVisible()),
      )
      await setCenter(false)
    },
  }
}
