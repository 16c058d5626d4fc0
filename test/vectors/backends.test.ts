import { afterAll, describe, expect, test } from 'vitest'
import type { BackendName } from '../../src/crypto/backend/backend.ts'
import { ALL_SUITES } from './allSuites.ts'
import { vectorFolder } from './folder.ts'
import { loadOperations } from './operations.ts'
import { formatResult, runSuite, type SuiteResult } from './suites.ts'

/** Published vectors on every backend that works in this Node. The native one runs in node24.test.ts as well. */
const folder = vectorFolder()
const NAMES: readonly BackendName[] = ['native', 'wasm', 'noble']

for (const name of NAMES) {
  const operations = folder === null ? null : await loadOperations(name)
  const reason = folder === null ? 'there is no folder of vectors' : 'this Node does not have it'
  const title = operations === null ? `Vectors, ${name}: skipped, ${reason}` : `Vectors, ${name}`

  describe.skipIf(operations === null)(title, () => {
    const results: SuiteResult[] = []

    test.each(ALL_SUITES.map((suite) => [suite.name, suite] as const))('%s', async (_name, suite) => {
      if (operations === null) return
      const result = await runSuite(suite, operations)
      results.push(result)
      expect(result.ran + result.notApplicable).toBeGreaterThan(0)
    })

    afterAll(() => {
      console.log(results.map(formatResult).join('\n'))
      expect(results.filter(({ ran }) => ran > 0).length).toBeGreaterThan(ALL_SUITES.length / 2)
    })
  })
}

// The fallbacks run everywhere: a Node in which they do not work is a finding, not a reason to skip.
test.skipIf(folder === null)('WASM and noble work here', async () => {
  expect(await loadOperations('wasm')).not.toBeNull()
  expect(await loadOperations('noble')).not.toBeNull()
})
