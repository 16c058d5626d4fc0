// `npm run bench -- [--only PART,PART] [--rounds N] [--json FILE]`: measures what ships, on this machine, and says what it
// measured (docs/performance.md). No time is asserted in a test.
import { mkdir, rm } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installDependencies } from '../setup/install.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
process.chdir(ROOT)
await installDependencies()
const { build } = await import('esbuild')

const packaged = spawnSync(process.execPath, ['test/package.mjs'], { stdio: ['ignore', 2, 2] })
if (packaged.status !== 0) process.exit(1)

const folder = `${ROOT}test/output/bench`
await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })
await build({
  entryPoints: {
    main: 'test/bench/main.ts',
    echoServer: 'test/bench/calls/echoServer.ts',
    end: 'test/bench/handshakes/end.ts',
    verify: 'test/bench/verification/verify.ts',
  },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['pkcs11js'],
  mainFields: ['module', 'main'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
const { status } = spawnSync(process.execPath, [`${folder}/main.mjs`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, BENCH_ROOT: ROOT, BENCH_FOLDER: folder },
})
process.exit(status ?? 1)
