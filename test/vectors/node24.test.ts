import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { node24 } from '../setup/node24.mjs'
import { ALL_SUITES } from './allSuites.ts'
import { vectorFolder } from './folder.ts'
import type { Node24Report } from './node24Main.ts'
import { formatResult } from './suites.ts'

const folder = vectorFolder()
const title =
  folder === null ? 'Vectors under Node 24: skipped, there is no folder of vectors' : 'Vectors under Node 24'

test.skipIf(folder === null)(
  title,
  async () => {
    const { node } = await node24()
    const work = await mkdtemp(path.join(tmpdir(), 'countersign-vectors-'))
    try {
      const outfile = path.join(work, 'main.mjs')
      const entry = path.join(import.meta.dirname, 'node24Main.ts')
      await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile })
      const { stdout } = await promisify(execFile)(node, [outfile], {
        env: { ...process.env, COUNTERSIGN_VECTORS: folder ?? '' },
      })
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- node24Main.ts prints it
      const { version, results, crossChecks } = JSON.parse(stdout) as Node24Report
      console.log([`Node ${version}, ${crossChecks} checks across backends`, ...results.map(formatResult)].join('\n'))
      expect(version).toMatch(/^v24\./)
      expect(crossChecks).toBe(36)
      const native = results.filter(({ backend }) => backend === 'native')
      expect(native).toHaveLength(ALL_SUITES.length)
      expect(native.filter(({ ran }) => ran > 0).length).toBeGreaterThan(ALL_SUITES.length / 2)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  },
  // The first run on a machine downloads Node 24.
  300_000,
)
