import { defineConfig } from 'vitest/config'

// `npm run faults`: the long lane. One file is one process, two at once.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    include: ['test/faults/*.test.ts'],
    // A guard against hanging, on a machine that also does other things.
    testTimeout: 3 * 3_600_000,
    hookTimeout: 240_000,
  },
})
