import { CountersignError } from '../../src/support/errors.ts'
import type { Operations } from './operations.ts'

/** One published set of vectors, run against one backend. A case throws when it fails. */
export interface VectorSuite {
  readonly name: string
  run(operations: Operations, count: Count): Promise<void>
}

export interface Count {
  ran: number
  /** Cases for something that the product does not have: context strings, prehashing, other parameter sets. */
  notApplicable: number
}

export interface SuiteResult extends Count {
  readonly suite: string
  readonly backend: string
  readonly milliseconds: number
}

export async function runSuite(suite: VectorSuite, operations: Operations): Promise<SuiteResult> {
  const count: Count = { ran: 0, notApplicable: 0 }
  const start = performance.now()
  await suite.run(operations, count)
  return { suite: suite.name, backend: operations.name, ...count, milliseconds: Math.round(performance.now() - start) }
}

export function formatResult({ suite, backend, ran, notApplicable, milliseconds }: SuiteResult): string {
  const left = notApplicable === 0 ? '' : `, ${notApplicable} not applicable`
  return `${suite} [${backend}]: ${ran} cases${left}, ${milliseconds} ms`
}

export function equal(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) !== 0) throw new Error(`${what}: other bytes than the vector says`)
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`${what}: does not hold`)
}

/** Whether `run` was refused with a CountersignError: any other throw is a failure of its own. */
export async function refused(run: () => unknown): Promise<boolean> {
  try {
    await run()
    return false
  } catch (thrown) {
    if (thrown instanceof CountersignError) return true
    throw thrown
  }
}
