import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { TARGETS } from './bundle.ts'
import { keepInput } from './engine/corpus.ts'
import type { FileCoverage } from './engine/coverage.ts'
import type { Finding, Report } from './engine/fuzz.ts'
import { watch, Watched } from './engine/watch.ts'
import type { WorkerData, WorkerMessage } from './worker.ts'

/**
 * `npm run fuzz -- [--seed S] [--inputs N] [--target NAME]… [--unguided] [--json FILE]`: feeds every parser that reads bytes of
 * somebody else, in a thread that this one can end when a parser hangs. Exits 1 if anything was found.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    inputs: { type: 'string', default: '1000000' },
    target: { type: 'string', multiple: true },
    unguided: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const root = process.env['FUZZ_ROOT'] ?? '.'
const corpus = `${root}test/fuzz/corpus`
const chosen = TARGETS.filter(({ name }) => values.target?.includes(name) ?? true)
const total = Number(values.inputs)
if (chosen.length === 0 || !Number.isSafeInteger(total) || total < 1) {
  say(`Targets: ${TARGETS.map(({ name }) => name).join(' ')}`)
  process.exit(2)
}
const shares = chosen.reduce((sum, { share = 1 }) => sum + share, 0)
let jobs: WorkerData['jobs'] = chosen.map(({ name, share = 1 }) => ({
  target: name,
  inputs: Math.ceil((total * share) / shares),
}))

const reports: Report[] = []
const findings: Finding[] = []
let files: readonly FileCoverage[] = []

say(`seed ${values.seed}`)
const started = performance.now()
// What a hanging parser took with it is run by the next thread.
while (jobs.length > 0) jobs = await work(jobs)
report()

/** Runs the jobs in a thread; returns those that are left when it had to be ended. */
async function work(jobs: WorkerData['jobs']): Promise<WorkerData['jobs']> {
  const watched = new Watched()
  const data: WorkerData = { seed: values.seed, jobs, guided: !values.unguided, corpus, memory: watched.memory }
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: data,
    // A parser that takes all memory takes it from its thread, and is reported like one that hangs.
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  })
  let done = 0
  let ended: string | undefined
  const unwatch = watch(watched, () => {
    ended = 'takes longer than a second'
    void worker.terminate()
  })
  worker.on('message', (message: WorkerMessage) => {
    if (message.kind === 'coverage') files = message.files
    else done += 1
    if (message.kind === 'target') settled(message.report, message.finding)
  })
  worker.on('error', (error) => {
    ended = `ends its process: ${error.message}`
  })
  await new Promise((resolve) => worker.on('exit', resolve))
  unwatch()
  if (ended === undefined) return []
  const { target, input } = watched.current()
  found({ target: jobs[target]?.target ?? '', seed: values.seed, message: ended, input })
  return jobs.slice(Math.max(done, target) + 1)
}

function settled(report: Report, finding: Finding | undefined): void {
  reports.push(report)
  const { target, inputs, accepted, seconds, kept, grown } = report
  const memory = grown === undefined ? '' : `, ${Math.round(grown / 1024)} KiB left behind`
  const news = !values.unguided ? `, ${kept} with new code` : ''
  say(`${target.padEnd(24)} ${inputs} inputs, ${accepted} accepted, ${seconds.toFixed(1)} s${news}${memory}`)
  if (finding !== undefined) found(finding)
}

function found(finding: Finding): void {
  findings.push(finding)
  const { target, message, input, seed } = finding
  say(`FOUND in ${target}: ${message}`)
  if (input === undefined) return say(`  seed ${seed}`)
  const path = relative(root, keepInput(corpus, target, input))
  say(`  seed ${seed}, ${input.length} bytes in ${path}: ${hex(input.subarray(0, 4096))}`)
}

function report(): void {
  const inputs = reports.reduce((sum, report) => sum + report.inputs, 0)
  const seconds = (performance.now() - started) / 1000
  for (const { file, run, all } of files) say(`${file.padEnd(44)} ${((100 * run) / all).toFixed(0)} %`)
  say(
    `${inputs} inputs for ${reports.length} targets in ${seconds.toFixed(1)} s, seed ${values.seed}: ${findings.length} found`,
  )
  if (values.json !== undefined) {
    const readable = findings.map(({ input, ...finding }) => ({
      ...finding,
      ...(input !== undefined && { input: hex(input) }),
    }))
    const document = { seed: values.seed, inputs, seconds, reports, findings: readable, coverage: files }
    writeFileSync(values.json, `${JSON.stringify(document, undefined, 2)}\n`)
  }
  process.exitCode = findings.length > 0 ? 1 : 0
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
