// `npm run package`: a .vsix under dist/, with the native module of this platform where one was built.
import { cp, mkdir, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { installDependencies } from './setup/install.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
process.chdir(ROOT)
await installDependencies()

/** @param {string[]} args */
function node(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
node('esbuild.mjs', '--production')

// Beside the bundle, because vsce leaves the top level's node_modules out, and only what is needed at run time:
// pkcs11js otherwise brings its C++ sources and the build's intermediate files.
const native = existsSync('node_modules/pkcs11js/build/Release/pkcs11.node')
if (native) {
  await mkdir('dist/node_modules/pkcs11js/build/Release', { recursive: true })
  for (const part of ['package.json', 'LICENSE', 'index.js', 'lib', 'build/Release/pkcs11.node']) {
    const from = `node_modules/pkcs11js/${part}`
    if (existsSync(from)) await cp(from, `dist/node_modules/pkcs11js/${part}`, { recursive: true })
  }
} else {
  process.stderr.write('pkcs11js is not built here: the package works with the embedded vault only.\n')
}

const { version } = createRequire(import.meta.url)('../package.json')
const target = `${process.platform}-${process.arch}`
const output = `dist/countersign-${version}${native ? `-${target}` : ''}.vsix`
// Without --target a package claims to run everywhere; one with a native module runs on one platform only.
node(
  'node_modules/@vscode/vsce/vsce',
  'package',
  '--no-dependencies',
  '--skip-license',
  // The README's links are for the repository; without one to point at, vsce would refuse its picture.
  '--no-rewrite-relative-links',
  '--allow-missing-repository',
  ...(native ? ['--target', target] : []),
  '--out',
  output,
)
process.stdout.write(`${JSON.stringify({ vsix: output, bytes: (await stat(output)).size, native })}\n`)
