// @ts-check
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { reportToStderr } from './cache.mjs'
import { ensurePackages, isDebian } from './debian.mjs'
import { findInPath, npm } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const QUIET = ['--no-audit', '--no-fund']
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes node_modules what package-lock.json says. Does nothing when it already is.
 *
 * @param {{ root?: string, report?: Report }} [options]
 * @returns {Promise<boolean>} whether anything was installed
 */
export async function installDependencies({ root = ROOT, report = reportToStderr } = {}) {
  const lock = await readFile(path.join(root, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).update(`${process.platform} ${process.arch}`).digest('hex')
  const stamp = path.join(root, 'node_modules', '.countersign-installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')).trim() === wanted) return false
  if (await isInstalled(lock.toString(), path.join(root, 'node_modules', '.package-lock.json'))) return false
  await ensureCompiler(report)
  report('installing the packages of package-lock.json (npm ci)')
  const started = Date.now()
  const options = { cwd: root, env: { ...process.env, ...nodeHeaders() } }
  await npm(['ci', ...QUIET], options).catch((error) => {
    // A lock file that was written against a registry without every platform's optional packages: npm ci refuses it.
    if (!String(error).includes('EUSAGE')) throw error
    report('npm ci finds package-lock.json incomplete; using npm install, which fills it in without writing it')
    return npm(['install', '--no-save', ...QUIET], options)
  })
  await writeFile(stamp, `${wanted}\n`)
  report(`node_modules is ready after ${Math.round((Date.now() - started) / 1000)} s`)
  return true
}

/**
 * Whether npm's own record of node_modules names all that the lock file does. An `npm install` by hand then counts as well.
 *
 * @param {string} lock
 * @param {string} record
 */
async function isInstalled(lock, record) {
  /** @type {Record<string, { version: string, integrity?: string, os?: unknown, cpu?: unknown, libc?: unknown }>} */
  const wanted = JSON.parse(lock).packages
  const there = JSON.parse(await readFile(record, 'utf8').catch(() => '{}')).packages ?? {}
  return Object.entries(wanted).every(([folder, { version, integrity, os, cpu, libc }]) => {
    const found = there[folder]
    if (folder === '') return true
    if (found === undefined) return os !== undefined || cpu !== undefined || libc !== undefined
    return found.version === version && found.integrity === integrity
  })
}

/** pkcs11js has no prebuilt binaries: node-gyp builds it. @param {Report} report */
async function ensureCompiler(report) {
  const there = findInPath('g++', 'c++', 'clang++') && findInPath('make') && findInPath('python3', 'python')
  if (there || process.platform === 'win32') return
  if (isDebian()) await ensurePackages(['g++', 'make', 'python3'], { report, why: 'Building pkcs11js' })
  else throw new Error('Building pkcs11js needs a C++ compiler, make and Python 3. Install them and try again.')
}

/** Node's own headers where they came with it, so that node-gyp need not download them. */
function nodeHeaders() {
  const prefix = path.resolve(path.dirname(process.execPath), '..')
  return existsSync(path.join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {}
}
