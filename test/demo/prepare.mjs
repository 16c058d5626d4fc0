// @ts-check
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from '../setup/chromium.mjs'
import { codeServer } from '../setup/codeServer.mjs'
import { installDependencies } from '../setup/install.mjs'
import { packageHelper } from '../vscode/helper/package.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** @typedef {import('../setup/cache.mjs').Report} Report */

/**
 * From a fresh clone to a package that a VS Code can install.
 *
 * @param {Report} report
 * @returns {Promise<string>} the package's path
 */
export async function prepareExtension(report) {
  await installDependencies({ report })
  report('building and packaging the extension')
  const { vsix } = JSON.parse(await output(process.execPath, [path.join(ROOT, 'test/package.mjs')]))
  return path.join(ROOT, vsix)
}

/**
 * A VS Code with a browser for its window, and that browser.
 *
 * @param {Report} report
 */
export async function prepareBrowserEditor(report) {
  await chromium({ report })
  await codeServer({ report })
  await packageHelper({ report })
}

/**
 * @param {Report} report
 * @returns {Promise<string>} the version of VS Code that code-server is
 */
export async function browserEditorVersion(report) {
  const { entry } = await codeServer({ report })
  const product = path.resolve(path.dirname(entry), '../../lib/vscode/product.json')
  const { version } = JSON.parse(await readFile(product, 'utf8'))
  return version
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>} standard output; the rest is shown as it comes
 */
function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out)
      else reject(new Error(`${path.relative(ROOT, args[0] ?? command)} ended with ${signal ?? code}`))
    })
  })
}
