import { resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const ENTRY = 'src/extension/activate.ts'

/** What every window pays for, whether or not anybody uses the extension. Everything else is behind an `import()`. */
const AT_START = [
  /^src\/support\//,
  /^src\/extension\/(commands\/(register|counted)|configuration|failures|language|later|notify|outputLog|places|readers|statusBar|statusText|words)\.ts$/,
  /^src\/extension\/(identity\/namedKey|panel\/lazyPanel|servers\/provider|slots\/(slotTree|unlooked))\.ts$/,
  /^src\/contracts\/(settings|journalSettings|moduleOverrides)\.ts$/,
  /^src\/keys\/signer\.ts$/,
  /^node_modules\/valibot\//,
]

describe('the start of a window', () => {
  let files: Metafile['inputs'] = {}
  let chunks: Metafile['outputs'] = {}

  beforeAll(async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: [ENTRY],
      outdir: 'nowhere',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      external: ['vscode', 'pkcs11js'],
      minify: true,
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    files = metafile.inputs
    chunks = metafile.outputs
  })

  it('loads what registers and draws, and nothing of sessions, keys, evidence, cryptography or libraries', () => {
    const loaded = reached(ENTRY, (file) => files[file]?.imports ?? [])
    expect(loaded.length).toBeGreaterThan(10)
    expect(loaded.filter((file) => file !== ENTRY && !AT_START.some((allowed) => allowed.test(file)))).toEqual([])
  })

  it('compiles no part that somebody else needs: what is shared is split off', () => {
    const [entry] = Object.entries(chunks).flatMap(([path, { entryPoint }]) => (entryPoint === ENTRY ? [path] : []))
    const loaded = reached(entry ?? '', (chunk) => chunks[chunk]?.imports ?? [])
    const bytes = loaded.reduce((sum, chunk) => sum + (chunks[chunk]?.bytes ?? 0), 0)
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(64_000)
  })

  it('reaches the rest by import()', () => {
    const all = reached(ENTRY, (file) => files[file]?.imports ?? [], true)
    for (const file of ['parts.ts', 'commands/commandTable.ts', 'panel/panel.ts', 'sessions/openLink.ts']) {
      expect(all).toContain(`src/extension/${file}`)
    }
  })
})

interface Import {
  readonly path: string
  readonly kind: string
  readonly external?: boolean
}

/** Itself and what it loads, without waiting for anything (or with it). */
function reached(from: string, imports: (of: string) => readonly Import[], also = false): string[] {
  // A set that grows is walked to its end.
  const found = new Set([from])
  for (const one of found) {
    for (const { path, kind, external } of imports(one)) {
      if (external !== true && (also || kind !== 'dynamic-import')) found.add(path)
    }
  }
  return [...found]
}
