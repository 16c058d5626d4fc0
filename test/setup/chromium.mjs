// @ts-check
import { existsSync } from 'node:fs'
import { reportToStderr } from './cache.mjs'
import { ensurePackages, isDebian } from './debian.mjs'
import { findInPath } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const ELSEWHERE = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/usr/bin/chromium']

/**
 * A Chromium that is there, or Debian's.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<string>}
 */
export async function chromium({ report = reportToStderr } = {}) {
  const found = find()
  if (found !== undefined) return found
  if (!isDebian())
    throw new Error('A Chromium is needed to show VS Code. Install Chromium or Google Chrome, so that PATH has it.')
  await ensurePackages(['chromium'], { report, why: 'Showing VS Code' })
  const installed = find()
  if (installed === undefined) throw new Error('Debian’s chromium is installed, but /usr/bin/chromium is not there.')
  return installed
}

function find() {
  return (
    findInPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable') ?? ELSEWHERE.find(existsSync)
  )
}
