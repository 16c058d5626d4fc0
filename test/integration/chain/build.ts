import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Inside the repository, so that the key process finds the native module in its node_modules. */
const BUILDS = path.join(ROOT, 'test/output/chain')
const DAY = 24 * 60 * 60 * 1000

const ENTRIES = {
  cli: 'src/cli/main.ts',
  keyProcess: 'src/keys/process/main.ts',
  sampleServer: 'src/cli/sampleServer.ts',
} as const

/** Paths of the bundles that the tests start. */
export type Bundles = { readonly [name in keyof typeof ENTRIES]: string }

/**
 * The command line as it ships, of the sources as they are now. The folder is named by what it was made of: test files that
 * run at the same time share one build, and no test ever runs an old one.
 */
export async function buildChain(): Promise<Bundles> {
  for (;;) {
    const sources = await fingerprint()
    const folder = path.join(BUILDS, sources)
    if (!existsSync(folder)) await buildInto(folder)
    // A file that was saved while the bundler read would be in the build and not in its name.
    if ((await fingerprint()) === sources) {
      const at = (name: string): string => path.join(folder, `${name}.js`)
      return { cli: at('cli'), keyProcess: at('keyProcess'), sampleServer: at('sampleServer') }
    }
    await rm(folder, { recursive: true, force: true })
  }
}

async function buildInto(folder: string): Promise<void> {
  const temporary = `${folder}.${process.pid}`
  // As esbuild.mjs has them, which builds everything else as well and replaces dist/.
  await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: temporary,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['pkcs11js'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    minify: true,
    charset: 'utf8',
    logLevel: 'warning',
  })
  await rename(temporary, folder).catch(() => rm(temporary, { recursive: true, force: true }))
  await forgetOld()
}

async function forgetOld(): Promise<void> {
  for (const name of await readdir(BUILDS)) {
    const folder = path.join(BUILDS, name)
    const made = await stat(folder).catch(() => undefined)
    if (made !== undefined && Date.now() - made.mtimeMs > DAY) await rm(folder, { recursive: true, force: true })
  }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(path.join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const own = fileURLToPath(import.meta.url)
  for (const file of [...files.sort(), path.join(ROOT, 'package-lock.json'), own]) {
    hash.update(`${path.relative(ROOT, file)}\0`).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 16)
}
