import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { builtPackage, packageWithoutNativeModule, temporaryFolder } from './stage.ts'
import { namesIn } from './zip.ts'

const BUILT = fileURLToPath(new URL('../../node_modules/pkcs11js/build/Release/pkcs11.node', import.meta.url))

const NATIVE = ['LICENSE', 'build/Release/pkcs11.node', 'index.js', 'package.json'].map(
  (name) => `extension/dist/node_modules/pkcs11js/${name}`,
)
/** Parts of the extension that are loaded when they are needed: as many as the build makes of it. */
const PART = /^extension\/dist\/extension\/[\w.-]+-[A-Z0-9]{8}\.cjs$/

const ALWAYS = [
  '[Content_Types].xml',
  'extension.vsixmanifest',
  ...['LICENSE.txt', 'package.json', 'package.nls.de.json', 'package.nls.json', 'readme.md'].map(
    (name) => `extension/${name}`,
  ),
  ...[
    'cli.js',
    'extension/activate.cjs',
    'keyProcess.js',
    'sampleServer.js',
    'webview/bundle.css',
    'webview/bundle.js',
    'webview/panel.css',
    'webview/panel.js',
  ].map((name) => `extension/dist/${name}`),
  ...['countersign.ttf', 'icon.png', 'slots.svg'].map((name) => `extension/media/${name}`),
  ...['bundle.l10n.de.json', 'panel.de.json'].map((name) => `extension/media/l10n/${name}`),
  ...['evidence', 'key', 'panel', 'sample', 'setup'].flatMap((step) =>
    ['dark', 'light'].map((theme) => `extension/media/walkthrough/${step}-${theme}.png`),
  ),
  ...['secure.md', 'secure.nls.de.md', 'what.md', 'what.nls.de.md'].map(
    (name) => `extension/media/walkthrough/${name}`,
  ),
]

test('the package holds what it needs and nothing else: no source, no map, no test, no helper', async () => {
  const native = existsSync(BUILT)
  const vsix = await builtPackage()
  const names = await namesIn(vsix)
  expect(names.filter((name) => PART.test(name)).length).toBeGreaterThan(10)
  expect(names.filter((name) => !PART.test(name)).toSorted()).toEqual([...ALWAYS, ...(native ? NATIVE : [])].toSorted())
  // One with native code says for which platform it is; an editor on another one does not install it.
  expect(path.basename(vsix).endsWith(`-${process.platform}-${process.arch}.vsix`)).toBe(native)
})

test('the package of a platform without the native module lacks nothing else', async () => {
  const folder = await temporaryFolder()
  try {
    const vsix = await packageWithoutNativeModule(await builtPackage(), folder)
    const names = await namesIn(vsix)
    expect(names.filter((name) => !PART.test(name)).toSorted()).toEqual(ALWAYS.toSorted())
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
