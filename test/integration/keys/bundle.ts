import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Inside the project: the bundle has to find pkcs11js. */
const folder = `${ROOT}test/output/keys-${process.pid}`
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/**
 * The key process as it ships, built on its own so that a test of keys needs no other bundle.
 * @returns path of the bundle
 */
export async function buildKeyProcess(name = 'keyProcess'): Promise<string> {
  const outfile = `${folder}/${name}.js`
  await build({
    entryPoints: [`${ROOT}src/keys/process/main.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['pkcs11js'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
  return outfile
}
