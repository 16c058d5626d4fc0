// @ts-check
import { setTimeout as sleep } from 'node:timers/promises'

/** A guard against hanging, not a measurement: on a machine that also does other things, all is slow and nothing is wrong. */
export const PATIENCE_MS = 60_000

/**
 * The work's outcome, or a failure that names it when it takes too long: a demo or a test that hangs tells nobody anything.
 *
 * @template T
 * @param {string} what
 * @param {number} ms
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export function within(what, ms, work) {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${what} took longer than ${Math.round(ms / 1000)} s`))
    const timer = setTimeout(late, ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Looks again until there is something to see.
 *
 * @template T
 * @param {string | (() => string)} what a function can say what was seen instead
 * @param {() => Promise<T | undefined | false>} look
 * @param {number} [ms]
 * @returns {Promise<T>}
 */
export async function until(what, look, ms = PATIENCE_MS) {
  for (const deadline = Date.now() + ms; ; ) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > deadline) {
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${Math.round(ms / 1000)} s`)
    }
    await sleep(100)
  }
}
