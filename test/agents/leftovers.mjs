// @ts-check
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** So long a process may take to end after whoever started it is gone. */
const PATIENCE = 5_000

/**
 * Ends every process that was started with this home folder, by whomever and in whichever process group: agents give their
 * servers groups of their own. Looks into /proc; where there is none it finds nothing.
 *
 * @param {string} home
 * @returns {Promise<string[]>} the command lines of those that had to be ended
 */
export async function endLeft(home) {
  const deadline = Date.now() + PATIENCE
  while (Date.now() < deadline && processesOf(home).length > 0) await sleep(100)
  const left = processesOf(home)
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  return left.map(({ command }) => command)
}

/** @param {string} home */
function processesOf(home) {
  return names('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    const isOurs = textOf(`/proc/${name}/environ`).split('\0').includes(`HOME=${home}`)
    return isOurs ? [{ pid, command: textOf(`/proc/${name}/cmdline`).replaceAll('\0', ' ') }] : []
  })
}

/** @param {string} folder */
function names(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** @param {string} file */
function textOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Gone, or of somebody else.
    return ''
  }
}
