// @ts-check
import { PATIENCE_MS } from '../../demo/waiting.mjs'
import { chromium as findChromium } from '../../setup/chromium.mjs'
import { writeDownNotifications } from './notifications.mjs'

/** @typedef {import('playwright-core').Browser} Browser */
/** @typedef {import('playwright-core').Page} Page */

// A test must not depend on the network, and a closed network answers these slowly.
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

/**
 * @param {{
 *   headless?: boolean,
 *   width?: number,
 *   height?: number,
 *   ownSignals?: boolean,
 *   report?: import('../../setup/cache.mjs').Report,
 * }} [options] `ownSignals`: the caller ends the browser when a signal comes; otherwise that ends this process
 * @returns {Promise<{ browser: Browser, page: Page, errors: string[], close: () => Promise<void> }>} `errors`: what the console called one
 */
export async function openBrowser({ headless = true, width = 1440, height = 900, ownSignals = false, report } = {}) {
  const executablePath = await findChromium(report === undefined ? {} : { report })
  // Loaded late: this file is read before `npm ci` ran.
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({
    executablePath,
    headless,
    timeout: PATIENCE_MS,
    handleSIGINT: !ownSignals,
    handleSIGTERM: !ownSignals,
    handleSIGHUP: !ownSignals,
    // Chromium refuses to sandbox itself as root.
    args: [...QUIET, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), `--window-size=${width},${height}`],
  })
  const context = await browser.newContext({ viewport: headless ? { width, height } : null, locale: 'en-US' })
  context.setDefaultTimeout(PATIENCE_MS)
  await writeDownNotifications(context)
  const page = await context.newPage()
  /** @type {string[]} */
  const errors = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  return { browser, page, errors, close: () => browser.close() }
}
