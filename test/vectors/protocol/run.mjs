// `npm run vectors`: writes docs/vectors.json anew. A test compares it with what this makes.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { installDependencies } from '../../setup/install.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
await installDependencies()
const { build } = await import('esbuild')
const folder = `${ROOT}test/output/vectors`
await mkdir(folder, { recursive: true })
const outfile = `${folder}/all.mjs`
await build({
  entryPoints: [`${ROOT}test/vectors/protocol/all.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  mainFields: ['module', 'main'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
const { vectorsFile } = await import(pathToFileURL(outfile).href)
const text = vectorsFile()
await writeFile(`${ROOT}docs/vectors.json`, text)
await rm(folder, { recursive: true, force: true })
process.stdout.write(`docs/vectors.json: ${text.length} bytes\n`)
