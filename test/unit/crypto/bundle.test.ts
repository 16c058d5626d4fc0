import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

/**
 * The WASM files ask for `import.meta.url`. In a CommonJS bundle esbuild leaves that empty and only warns: every use of
 * the backend would fail, and the extension would quietly run on JavaScript, ten times slower.
 */
const IMPORT_META = {
  define: { 'import.meta.url': '__importMetaUrl' },
  banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-bundle-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['esm', 'mjs', {}],
  ['cjs', 'cjs', IMPORT_META],
] as const)('the WASM backend works in a bundle of format %s', async (format, extension, more) => {
  const select = path.resolve('src/crypto/backend/select.ts')
  const entry = path.join(folder, `${format}.ts`)
  const outfile = path.join(folder, `bundle.${extension}`)
  await writeFile(
    entry,
    `import { loadBackend } from ${JSON.stringify(select)}\nloadBackend('wasm').then((b) => console.log(b?.name))\n`,
  )
  const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' } as const
  const { warnings } = await build({ ...common, ...more, entryPoints: [entry], outfile, format })
  expect(warnings).toEqual([])
  const { stdout } = await promisify(execFile)(process.execPath, [outfile])
  expect(stdout.trim()).toBe('wasm')
})
