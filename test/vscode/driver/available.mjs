// @ts-check
import { chromium } from '../../setup/chromium.mjs'
import { codeServer } from '../../setup/codeServer.mjs'

/**
 * Why there is no real editor on this machine, or undefined.
 *
 * @returns {Promise<string | undefined>}
 */
export async function whyNoEditor() {
  try {
    await chromium()
    await codeServer()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error)
  }
}
