// `npm run fuzz`: bundles the parsers with what feeds them and runs it. main.ts says which options there are.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installDependencies } from '../setup/install.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
process.chdir(ROOT)
await installDependencies()
const { build } = await import('esbuild')

const folder = `${ROOT}test/output/fuzz`
await build({
  entryPoints: ['main', 'worker', 'bundle'].map((name) => `test/fuzz/${name}.ts`),
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['pkcs11js', 'vscode'],
  mainFields: ['module', 'main'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
const { status } = spawnSync(process.execPath, ['--expose-gc', `${folder}/main.mjs`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_ROOT: ROOT },
})
process.exit(status ?? 1)
