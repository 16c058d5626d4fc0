import { writeFileSync } from 'node:fs'

/**
 * Writes what `test/run.mjs` counts to the file that COUNTS_FILE names. Vitest's own JSON says nothing of errors that no test
 * caught, and a run that had one must not count as mended by a second run.
 */
export default class CountsReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0, unhandled: unhandledErrors.length }
    const files = []
    for (const module of modules) {
      const failed = []
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // A test that never came to an end is no success.
        counts[state === 'pending' ? 'failed' : state]++
        if (state === 'failed' || state === 'pending') failed.push(test.fullName)
      }
      if (module.state() !== 'passed' && module.state() !== 'skipped') files.push({ path: module.moduleId, failed })
    }
    const file = process.env['COUNTS_FILE']
    if (file === undefined) throw new Error('COUNTS_FILE names no file.')
    writeFileSync(file, JSON.stringify({ ...counts, files }))
  }
}
