// @ts-check
import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached, reportToStderr } from '../../setup/cache.mjs'
import { run } from '../../setup/run.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const VSCE = fileURLToPath(new URL('../../../node_modules/@vscode/vsce/vsce', import.meta.url))
const SOURCES = ['package.json', 'extension.cjs', '.vscodeignore']

/** What `extraArgs` of startCodeServer must have for the helper to work. */
export const HELPER_ID = 'countersign-test.test-helper'

/**
 * The helper as a .vsix, in the cache: it must never lie where the extension is packaged.
 *
 * @param {{ report?: import('../../setup/cache.mjs').Report }} [options]
 * @returns {Promise<string>}
 */
export async function packageHelper({ report = reportToStderr } = {}) {
  const hash = createHash('sha256')
  for (const name of SOURCES) hash.update(await readFile(path.join(HERE, name)))
  const version = hash.digest('hex').slice(0, 16)
  const folder = await cached({ thing: 'test-helper', version, report }, async (empty) => {
    const source = path.join(empty, 'source')
    await mkdir(source)
    // A copy, because vsce looks for a repository and its .gitignore around the sources.
    for (const name of SOURCES) await cp(path.join(HERE, name), path.join(source, name))
    const flags = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--allow-star-activation']
    await run(process.execPath, [VSCE, 'package', ...flags, '-o', path.join(empty, 'helper.vsix')], { cwd: source })
    await rm(source, { recursive: true })
  })
  return path.join(folder, 'helper.vsix')
}
