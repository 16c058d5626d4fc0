// @ts-check
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { reportToStderr, withLock } from './cache.mjs'
import { run } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const LISTS = '/var/lib/apt/lists'
const DAY = 24 * 3600_000
// Another apt-get may be at work on a fresh machine (unattended upgrades, a provisioning script).
const WAIT = ['-o', 'DPkg::Lock::Timeout=300']

export function isDebian() {
  return process.platform === 'linux' && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get')
}

/**
 * Makes sure that these Debian packages are installed: installs what is missing where it may, and says what to do where
 * it may not.
 *
 * @param {readonly string[]} names
 * @param {{ report?: Report, why?: string }} [options]
 */
export async function ensurePackages(names, { report = reportToStderr, why = 'This' } = {}) {
  if (!isDebian()) {
    throw new Error(
      `${why} needs what Debian calls ${names.join(', ')}. Install the same for your system and try again.`,
    )
  }
  let missing = await missingPackages(names)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) {
    throw new Error(
      `${why} needs Debian packages that are not installed. Run: sudo apt-get install ${missing.join(' ')}`,
    )
  }
  await withLock('apt', report, async () => {
    missing = await missingPackages(names)
    if (missing.length === 0) return
    report(`installing Debian packages: ${missing.join(' ')}`)
    if (!(await listsAreFresh())) await update()
    const install = () => aptGet(['install', '-y', '--no-install-recommends', ...missing])
    try {
      await install()
    } catch {
      await update()
      await install()
    }
  })
}

/** @param {readonly string[]} names */
async function missingPackages(names) {
  const out = await run('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n']).catch(() => '')
  const installed = new Set(out.split('\n').flatMap((line) => (line.startsWith('installed ') ? [line.slice(10)] : [])))
  return names.filter((name) => !installed.has(name))
}

async function listsAreFresh() {
  const entries = await readdir(LISTS).catch(() => [])
  if (!entries.some((entry) => entry.includes('_Packages'))) return false
  return Date.now() - (await stat(LISTS)).mtimeMs < DAY
}

/** One unreachable source must not matter when the others have the package: only the install decides. */
async function update() {
  await aptGet(['update', '-qq']).catch(() => {})
}

/** @param {readonly string[]} args */
function aptGet(args) {
  return run('apt-get', [...WAIT, ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
}
