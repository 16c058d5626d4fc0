// @ts-check
import { until } from '../../demo/waiting.mjs'
import { actUntil, click, holds, textNow, textOf } from './acts.mjs'

/** @typedef {import('playwright-core').Page} Page */

// Without a detail the message stands in the detail's place.
const MESSAGE = '.dialog-message-text, .dialog-message-detail'

/**
 * The modal dialog that is open.
 *
 * @param {Page} page
 */
export function modalDialog(page) {
  const box = page.locator('.monaco-dialog-box')
  return {
    box,
    waitFor: () => box.waitFor(),
    /** One may follow another: this one says that. @param {string | RegExp} content */
    waitForMessage: async (content) => {
      let seen = ''
      await until(
        () => `a dialog with ${content}, and not ${JSON.stringify(seen)}`,
        async () => {
          seen = await textNow(box, MESSAGE)
          return holds(content, seen)
        },
      )
    },
    message: () => textOf(box.locator(MESSAGE)),
    detail: () => textOf(box.locator('.dialog-message-detail')),
    /** @param {string} button */
    click: async (button) => {
      const one = box.getByRole('button', { name: button, exact: true })
      await one.waitFor()
      // Of this dialog: the next one may be there before anybody has seen that this one is gone.
      const mine = await one.elementHandle()
      await actUntil(
        `the button ${button}`,
        async (timeout) => mine && (await click(page, mine, { timeout })),
        async () => !(await mine?.evaluate((element) => element.isConnected)),
      )
    },
  }
}
