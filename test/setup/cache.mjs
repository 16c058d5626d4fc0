// @ts-check
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir, hostname } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** @typedef {(text: string) => void} Report */

/** @type {Report} */
export const reportToStderr = (text) => {
  process.stderr.write(`setup: ${text}\n`)
}

/** The per-user folder that all clones of this repository share. */
export function cacheRoot() {
  const base = process.env['XDG_CACHE_HOME']
  return path.join(base && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'countersign')
}

/**
 * The folder `<thing>-<version>` of the cache, built first if it is not there. It appears by one rename, so it is either
 * whole or absent, and what was built must not depend on its absolute path.
 *
 * @param {{ thing: string, version: string, report?: Report }} what
 * @param {(folder: string) => Promise<void>} build fills an empty folder
 * @returns {Promise<string>}
 */
export async function cached({ thing, version, report = reportToStderr }, build) {
  const name = `${thing}-${version}`
  const target = path.join(cacheRoot(), name)
  if (existsSync(target)) return target
  return withLock(name, report, async () => {
    if (existsSync(target)) return target
    for (const entry of await readdir(cacheRoot())) {
      if (entry.startsWith(`${name}.tmp-`)) await rm(path.join(cacheRoot(), entry), { recursive: true, force: true })
    }
    const temporary = `${target}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`
    await mkdir(temporary, { recursive: true })
    const started = Date.now()
    report(`preparing ${thing} ${version}, once for this user, in ${target}`)
    try {
      await build(temporary)
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      // Somebody who took our lock for dead was faster: theirs is as good.
      if (existsSync(target)) return target
      throw error
    }
    report(`${thing} ${version} is ready after ${Math.round((Date.now() - started) / 1000)} s`)
    return target
  })
}

const HEARTBEAT = 5_000
const STALE = 60_000

/**
 * Runs `work` while no other process holds the lock of this name. The lock saves double work; that the cache stays whole
 * rests on the rename.
 *
 * @template T
 * @param {string} name
 * @param {Report} report
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(name, report, work) {
  await mkdir(cacheRoot(), { recursive: true })
  const file = path.join(cacheRoot(), `${name}.lock`)
  let told = false
  while (!(await tryLock(file))) {
    if (await isStale(file)) {
      const aside = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
      await rename(file, aside).catch(() => {})
      await rm(aside, { force: true })
      continue
    }
    if (!told) report(`waiting for another process that is preparing ${name}`)
    told = true
    await sleep(500)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => {})
  }, HEARTBEAT)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(file, { force: true })
  }
}

/** @param {string} file */
async function tryLock(file) {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(JSON.stringify({ host: hostname(), pid: process.pid }))
    await handle.close()
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** @param {string} file */
async function isStale(file) {
  try {
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > STALE) return true
    const holder = JSON.parse(await readFile(file, 'utf8'))
    return holder.host === hostname() && !isAlive(holder.pid)
  } catch {
    return false
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function hasCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code
}
