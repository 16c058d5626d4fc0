// @ts-check
import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE_MS } from '../../demo/waiting.mjs'

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Locator} Locator */
/** @typedef {import('playwright-core').ElementHandle} ElementHandle */

/**
 * Acts until it had its effect. The editor drops what comes while it is still opening or drawing something, and a person just
 * clicks again. `done` must be what nothing but the act brings about, or it is done twice.
 *
 * @param {string} what
 * @param {(timeout: number) => Promise<unknown>} act
 * @param {() => Promise<boolean>} done
 */
export async function actUntil(what, act, done) {
  const deadline = Date.now() + PATIENCE_MS
  /** @type {unknown} */
  let cause
  // Longer each time: on a machine that is slow for everything, the first effect is the late one.
  for (let wait = 2_000; ; wait *= 2) {
    try {
      await act(wait)
    } catch (error) {
      cause = error
    }
    for (const end = Date.now() + wait; Date.now() < end; await sleep(50)) if (await done()) return
    if (Date.now() > deadline) throw new Error(`${what} had no effect`, { cause })
  }
}

/**
 * Clicks with a mouse that comes from elsewhere and goes away again: what the editor explains under a mouse that rests covers
 * what is beside it.
 *
 * @param {Page} page
 * @param {Locator | ElementHandle} target
 * @param {{ timeout: number, button?: 'right' }} options
 */
export async function click(page, target, options) {
  await page.mouse.move(0, 0)
  await target.click(options)
  await page.mouse.move(0, 0)
}

/** Whether it can be seen before `timeout` is over. @param {Locator} locator @param {number} timeout */
export async function appears(locator, timeout) {
  return await locator.waitFor({ timeout }).then(
    () => true,
    () => false,
  )
}

/** @param {Locator} locator */
export async function textOf(locator) {
  return (await locator.first().innerText()).trim()
}

/** What the editor draws in the place of `box` now; empty where there is none. Never waits. @param {Locator} box @param {string} part */
export async function textNow(box, part) {
  const texts = await box.locator(part).allInnerTexts()
  return texts.join('\n').trim()
}

/** @param {string | RegExp} wanted @param {string} text */
export function holds(wanted, text) {
  return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)
}
