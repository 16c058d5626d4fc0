// @ts-check
import { until } from '../../demo/waiting.mjs'
import { actUntil, click, holds, textNow, textOf } from './acts.mjs'

/** @typedef {import('playwright-core').Page} Page */

const MESSAGE = '.quick-input-message'
const TITLE = '.quick-input-title'

/**
 * The quick pick or input box that is open.
 *
 * @param {Page} page
 */
export function quickInput(page) {
  const widget = page.locator('.quick-input-widget:visible')
  const input = widget.locator('.quick-input-box input:visible')
  const list = widget.locator('.quick-input-list .monaco-list-row')
  /** `detail`: for rows of one label. @param {string | RegExp} label @param {string | RegExp} [detail] */
  const row = (label, detail = '') => {
    const name = typeof label === 'string' ? new RegExp(`^\\s*${escape(label)}\\s*$`) : label
    // The first line of a row. The second one keeps the detail of what the row showed before, hidden, where it has none.
    const first = page.locator('.quick-input-list-rows > :first-child .label-name', { hasText: name })
    return list.filter({ has: first, hasText: detail }).first()
  }
  /** Which list or box that is; empty: none. */
  const which = () => page.evaluate(whichQuickInput)
  /** Acts until this list or box is gone, or another one in its place. @param {string} what @param {(timeout: number) => Promise<unknown>} act */
  const leave = async (what, act) => {
    const before = await which()
    await actUntil(what, act, async () => (await which()) !== before)
  }
  // Not to the page: a panel that takes the focus would get them.
  /** @param {string} key */
  const press = (key, timeout = 5_000) => input.press(key, { timeout })
  const accept = async () => {
    await widget.locator('.monaco-inputbox.error').waitFor({ state: 'detached' })
    await leave('Enter', (timeout) => press('Enter', timeout))
  }
  /** The box of that title, with nothing in it yet. @param {RegExp} title @param {string} kind */
  const waitForBox = async (title, kind) => {
    let seen = ''
    await until(
      () => `a box ${title}, and not ${JSON.stringify(seen)}`,
      async () => {
        seen = await textNow(widget, TITLE)
        return holds(title, seen) && (await widget.locator(`.quick-input-box input[type="${kind}"]`).isVisible())
      },
    )
  }
  return {
    widget,
    input,
    row,
    waitFor: () => widget.waitFor(),
    waitForClosed: () => widget.waitFor({ state: 'hidden' }),
    title: () => textOf(widget.locator(TITLE)),
    /** What stands under an input box: the prompt, or what is wrong with the value. */
    message: () => textOf(widget.locator(MESSAGE)),
    /** @param {string | RegExp} content */
    waitForMessage: async (content) => {
      let seen = ''
      await until(
        () => `a box that says ${content}, and not ${JSON.stringify(seen)}`,
        async () => {
          seen = await textNow(widget, MESSAGE)
          return holds(content, seen)
        },
      )
    },
    /** Labels with description and detail, without icons. Long lists are drawn in part. */
    rows: async () => (await list.allInnerTexts()).map((one) => one.replace(/\s+/g, ' ').trim()),
    /** Takes a row of a list. @param {string | RegExp} label @param {string | RegExp} [detail] */
    pick: async (label, detail) => {
      const wanted = row(label, detail)
      await wanted.waitFor()
      await leave(`the row ${label}`, (timeout) => click(page, wanted, { timeout }))
    },
    /** @param {string} value */
    type: (value) => input.fill(value),
    /** Takes what is in the box, once the extension has nothing against it, or the row with the focus. */
    accept,
    /** Enter, whatever comes of it. */
    enter: () => press('Enter'),
    cancel: () => leave('Escape', (timeout) => press('Escape', timeout)),
    /** Types into the box of that title, and takes it. @param {RegExp} title @param {string} value */
    answer: async (title, value) => {
      await waitForBox(title, 'text')
      await input.fill(value)
      await accept()
    },
    /** Types into the password box of that title, and takes it. @param {RegExp} title @param {string} pin */
    givePin: async (title, pin) => {
      await waitForBox(title, 'password')
      await input.fill(pin)
      await accept()
    },
  }
}

/** Runs in the page. Not by the rows: they are drawn late. */
function whichQuickInput() {
  const widget = document.querySelector('.quick-input-widget')
  if (widget === null || !widget.checkVisibility()) return ''
  const input = widget.querySelector('.quick-input-box input')
  const value = input instanceof HTMLInputElement ? input.value : ''
  const parts = ['type', 'placeholder'].map((name) => input?.getAttribute(name) ?? '')
  const prompt = widget.querySelector('.quick-input-message')?.textContent ?? ''
  return JSON.stringify([widget.querySelector('.quick-input-title')?.textContent, ...parts, prompt, value])
}

/** @param {string} value */
function escape(value) {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
