// @ts-check
'use strict'
// Takes the place of dist/extension/activate.cjs in an installed copy of the extension, which the bench has renamed: what loading and
// activating it costs is measured where it happens, and nothing in what ships knows of it. Both are synchronous, so nothing
// else of this host runs in between; CPU of all threads, which has garbage collection and compilation in it. SIGUSR2 begins and
// ends a profile: other extensions share this host, and only a profile says which part of its work is ours.
const fs = require('node:fs')
const { Session } = require('node:inspector')
const path = require('node:path')
const { fileURLToPath } = require('node:url')

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const began = cpu()
const real = require(path.join(__dirname, 'activate.real.cjs'))
const load = cpu() - began

/** @param {import('vscode').ExtensionContext} context */
exports.activate = (context) => {
  const before = cpu()
  const result = real.activate(context)
  const activate = cpu() - before
  fs.appendFileSync(path.join(__dirname, 'probe.jsonl'), `${JSON.stringify({ pid: process.pid, load, activate })}\n`)
  return result
}
exports.deactivate = real.deactivate

/** @type {Session | undefined} */
let profiled

process.on('SIGUSR2', () => {
  if (profiled === undefined) {
    profiled = new Session()
    profiled.connect()
    profiled.post('Profiler.enable')
    profiled.post('Profiler.setSamplingInterval', { interval: 1000 })
    profiled.post('Profiler.start')
  } else {
    profiled.post('Profiler.stop', (_error, { profile }) => {
      fs.writeFileSync(path.join(__dirname, 'idle.next'), JSON.stringify(ownMs(profile)))
      fs.renameSync(path.join(__dirname, 'idle.next'), path.join(__dirname, 'idle.json'))
    })
  }
})

/** Milliseconds of all samples that have code of the extension anywhere on their stack. @param {import('node:inspector').Profiler.Profile} profile */
function ownMs({ nodes, samples = [], timeDeltas = [] }) {
  const own = new Set()
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const mark = (/** @type {number} */ id) => {
    own.add(id)
    for (const child of byId.get(id)?.children ?? []) mark(child)
  }
  for (const { id, callFrame } of nodes) if (isOurs(callFrame.url) && !own.has(id)) mark(id)
  const micros = samples.reduce((sum, id, index) => sum + (own.has(id) ? (timeDeltas[index + 1] ?? 0) : 0), 0)
  return micros / 1000
}

/** Every file beside this one is a part of the extension; this one is not. @param {string} url */
function isOurs(url) {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url
  return path.dirname(file) === __dirname && file !== __filename
}
