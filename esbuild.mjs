// Builds what ships: one bundle each for the extension, the key process, the command line and the webview.
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { build, context, transform } from 'esbuild'

const watch = process.argv.includes('--watch')
const production = process.argv.includes('--production')

/** @type {import('esbuild').BuildOptions} */
const node = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // jsonc-parser's main is UMD, whose inner require() no bundler can follow.
  mainFields: ['module', 'main'],
  // pkcs11js is a native module: only the key process loads it, and only when a PKCS#11 module is to be opened.
  external: ['vscode', 'pkcs11js'],
  sourcemap: production ? false : 'linked',
  minify: production,
  legalComments: production ? 'none' : 'inline',
  charset: 'utf8',
  logLevel: 'warning',
}

// Some dependencies are CommonJS and call require(): an ES module bundle has none unless it makes one.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
}

// The WASM backend finds itself by import.meta.url, which is empty in a CommonJS bundle: without this it would not load there,
// and everything would fall back to the slowest backend without a word.
const commonjs = {
  define: { 'import.meta.url': '__importMetaUrl' },
  banner: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
}

/**
 * What `import()` names becomes a file of its own, so that the editor compiles at its start what it needs then and nothing else.
 * Only ES modules can be split, and an extension is CommonJS: each part is translated when it is split off.
 *
 * @type {import('esbuild').Plugin}
 */
const splitCommonjs = {
  name: 'split-commonjs',
  setup({ onEnd }) {
    onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        const options = { ...commonjs, minify: production, sourcemap: production ? false : 'inline', charset: 'utf8' }
        // `import()` as require(): a path that is in the package, or nothing.
        const supported = { 'dynamic-import': false }
        const { code } = await transform(text, {
          ...options,
          format: 'cjs',
          platform: 'node',
          target: 'node20',
          supported,
        })
        await writeFile(path, code)
      }
    })
  },
}

/** @type {import('esbuild').BuildOptions[]} */
const bundles = [
  {
    ...node,
    format: 'esm',
    splitting: true,
    write: false,
    sourcemap: production ? false : 'inline',
    plugins: [splitCommonjs],
    entryPoints: ['src/extension/activate.ts'],
    inject: ['src/extension/language.ts'],
    outdir: 'dist/extension',
    outExtension: { '.js': '.cjs' },
    chunkNames: '[name]-[hash]',
  },
  { ...node, format: 'esm', banner, entryPoints: ['src/keys/process/main.ts'], outfile: 'dist/keyProcess.js' },
  {
    ...node,
    format: 'esm',
    banner: { js: `#!/usr/bin/env node\n${banner.js}` },
    entryPoints: ['src/cli/main.ts'],
    outfile: 'dist/cli.js',
  },
  { ...node, format: 'esm', banner, entryPoints: ['src/cli/sampleServer.ts'], outfile: 'dist/sampleServer.js' },
  {
    ...node,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    external: [],
    entryPoints: { panel: 'webview/main.ts', bundle: 'webview/bundle/main.ts' },
    outdir: 'dist/webview',
    loader: { '.css': 'css' },
  },
]

await rm('dist', { recursive: true, force: true })
await mkdir('dist/webview', { recursive: true })
await mkdir('dist/extension', { recursive: true })
await cp('webview/panel.css', 'dist/webview/panel.css')
if (watch) {
  for (const options of bundles) await (await context(options)).watch()
} else {
  await Promise.all(bundles.map((options) => build(options)))
}
