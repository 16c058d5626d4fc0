import { defineConfig } from 'vitest/config'

// Forks, because native modules and signals are per process. Two at once: that is what the smallest CI machine has.
const common = {
  root: new URL('../..', import.meta.url).pathname,
  pool: 'forks',
  hookTimeout: 240_000,
  // What is waited for: a machine that also does other things is slow, not wrong.
  expect: { poll: { timeout: 30_000 } },
} as const

export default defineConfig({
  test: {
    ...common,
    passWithNoTests: false,
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'tests',
          include: ['test/{unit,vectors,architecture,integration,independent,fuzz}/**/*.test.ts'],
          // A guard against hanging, not a measurement: a machine that also does other things is slow, not wrong.
          testTimeout: 120_000,
        },
      },
      // A real VS Code in a real browser: one at a time, or two editors starve each other on two cores.
      {
        test: {
          ...common,
          name: 'vscode',
          include: ['test/vscode/**/*.test.ts'],
          testTimeout: 300_000,
          // It installs two extensions and starts an editor and a browser.
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
