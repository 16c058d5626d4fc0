// `npm run agents [-- --log]`: real agents use real servers through us (docs/AGENTS.md). One line a check; exit code 1 if one failed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { agents } from '../setup/agents.mjs'
import { installDependencies } from '../setup/install.mjs'
import { endLeft } from './leftovers.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
process.chdir(ROOT)
await installDependencies()
const installed = await agents()
const built = spawnSync(process.execPath, ['esbuild.mjs', '--production'], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(1)

const { build } = await import('esbuild')
const output = `${ROOT}test/output/agents`
await mkdir(output, { recursive: true })
await build({
  entryPoints: ['test/agents/main.ts'],
  outfile: `${output}/main.mjs`,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})

// A short name: the path of a window's socket has at most 103 bytes.
const home = await mkdtemp(path.join(tmpdir(), 'cs-ag-'))
await mkdir(path.join(home, 'tmp'))
/** All that any process of the run has of our environment: no agent finds its owner's keys, and none writes into our home. */
const env = {
  PATH: [path.dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(path.delimiter),
  LANG: 'C.UTF-8',
  HOME: home,
  TMPDIR: path.join(home, 'tmp'),
  AGENTS_ROOT: ROOT.replace(/[\\/]$/, ''),
  AGENTS_INSTALLED: JSON.stringify(installed),
}
const main = spawn(process.execPath, [`${output}/main.mjs`, ...process.argv.slice(2)], { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => main.kill('SIGTERM'))
const status = await new Promise((resolve) => main.once('close', (code) => resolve(code ?? 1)))
// Also of a run that was interrupted or broke.
const left = await endLeft(home)
process.stdout.write(left.length === 0 ? 'ok nothing is left running\n' : 'FAILED nothing is left running\n')
for (const command of left) process.stdout.write(`  ended: ${command}\n`)
await rm(home, { recursive: true, force: true, maxRetries: 5 })
process.exit(status === 0 && left.length > 0 ? 1 : status)
