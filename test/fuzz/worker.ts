import { parentPort, workerData } from 'node:worker_threads'
import { readCorpus } from './engine/corpus.ts'
import { Coverage, type FileCoverage } from './engine/coverage.ts'
import type { Finding, Report } from './engine/fuzz.ts'
import { Watched } from './engine/watch.ts'

/** The thread that feeds the parsers; `main.ts` watches it. */
export interface WorkerData {
  readonly seed: string
  /** Names of targets with their number of inputs. */
  readonly jobs: readonly { readonly target: string; readonly inputs: number }[]
  /** Inputs that run new code are mutated further. */
  readonly guided: boolean
  readonly corpus: string
  readonly memory: SharedArrayBuffer
}

export type WorkerMessage =
  | { readonly kind: 'target'; readonly report: Report; readonly finding?: Finding }
  | { readonly kind: 'coverage'; readonly files: readonly FileCoverage[] }

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- from main.ts, in the same program
const { seed, jobs, guided, corpus, memory } = workerData as WorkerData
const script = new URL('bundle.mjs', import.meta.url).href
const coverage = guided ? new Coverage(script) : undefined
const watched = new Watched(memory)
const tell = (message: WorkerMessage): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message)
}
const { gc } = globalThis

// Behind the start of the coverage, so that it sees the parsers from their first instruction on.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- run.mjs builds it from that file
const { fuzzTarget, TARGETS } = (await import(script)) as typeof import('./bundle.ts')
for (const [index, { target: name, inputs }] of jobs.entries()) {
  const target = TARGETS.find((known) => known.name === name)
  if (target === undefined) continue
  const done = await fuzzTarget(target, {
    seed,
    inputs,
    corpus: readCorpus(corpus, name),
    coverage,
    collect: gc === undefined ? undefined : () => gc(),
    begin: (input) => watched.begin(index, input),
    end: () => watched.end(),
  })
  tell({ kind: 'target', ...done })
}
if (coverage !== undefined) tell({ kind: 'coverage', files: coverage.files() })
