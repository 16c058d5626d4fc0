// `npm run conformance [-- --only TEXT] [--log]`: MCP's own conformance suites without us and through us, and what differs.
// Exit code 1 if anything does beside the one allowed difference (docs/CONFORMANCE.md).
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { installDependencies } from '../setup/install.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
process.chdir(ROOT)
await installDependencies()
const { build } = await import('esbuild')

// As deep as this folder: what finds the sources from where it is finds them from there as well.
const folder = `${ROOT}test/output/conformance`
await mkdir(folder, { recursive: true })
await build({
  entryPoints: ['test/conformance/main.ts'],
  outfile: `${folder}/main.mjs`,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})
const { status } = spawnSync(process.execPath, [`${folder}/main.mjs`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, CONFORMANCE_ROOT: ROOT.replace(/[\\/]$/, ''), CONFORMANCE_OUTPUT: folder },
})
process.exit(status ?? 1)
