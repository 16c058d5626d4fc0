// @ts-check
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A program and all its children, which end together: when asked, and when this process ends.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env: NodeJS.ProcessEnv, onOutput: (text: string) => void, afterCrash?: () => void }} options
 *   `afterCrash` runs (and must be synchronous) when this process ends before `stop`
 */
export function startGroup(command, args, { cwd, env, onOutput, afterCrash }) {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onOutput)
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      onOutput(`${command}: ${error.message}\n`)
      resolve()
    })
    child.once('exit', () => resolve())
  })
  const killHard = () => signalGroup(child.pid, 'SIGKILL')
  const forget = atExit(() => {
    killHard()
    afterCrash?.()
  })
  return {
    pid: child.pid,
    ended,
    isRunning: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
    async stop() {
      signalGroup(child.pid, 'SIGTERM')
      for (let waited = 0; waited < 10_000 && signalGroup(child.pid, 0); waited += 50) await sleep(50)
      killHard()
      forget()
      await ended
    },
  }
}

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * The group does not get Ctrl-C from the terminal, and 'exit' is not emitted for a signal that nobody handles.
 *
 * @param {() => void} work
 * @returns {() => void} forgets it
 */
function atExit(work) {
  /** @param {'SIGINT' | 'SIGTERM' | 'SIGHUP'} signal */
  const onSignal = (signal) => {
    // Somebody else who handles the signal decides when to end; then 'exit' does the work.
    if (process.listenerCount(signal) > 0) return
    forget()
    work()
    process.kill(process.pid, signal)
  }
  const forget = () => {
    process.removeListener('exit', work)
    for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  }
  process.once('exit', work)
  for (const signal of SIGNALS) process.once(signal, onSignal)
  return forget
}

/**
 * @param {number | undefined} pid
 * @param {'SIGTERM' | 'SIGKILL' | 0} signal
 * @returns {boolean} whether anybody in the group was there to get it
 */
function signalGroup(pid, signal) {
  if (pid === undefined) return false
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}
