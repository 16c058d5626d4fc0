import { Worker } from 'node:worker_threads'

/** Checked once a second: how long an unlocked token may outlive an editor that was killed. */
const EVERY_MS = 1000

/**
 * A module can block the event loop for minutes, and a blocked loop does not see that its channel ended. This thread
 * does: it kills the process, with the login that it holds, when the parent is gone.
 */
const CODE = `
const { workerData } = require('node:worker_threads')
setInterval(() => {
  let alive = process.ppid === workerData.parent
  try { process.kill(workerData.parent, 0) } catch (error) { if (error.code === 'ESRCH') alive = false }
  if (!alive) process.kill(process.pid, 'SIGKILL')
}, workerData.every)
`

export function watchParent(): { stop(): void } {
  const worker = new Worker(CODE, { eval: true, workerData: { parent: process.ppid, every: EVERY_MS } })
  worker.unref()
  return { stop: () => void worker.terminate() }
}
