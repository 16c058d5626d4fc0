// @ts-check
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, reportToStderr } from './cache.mjs'
import { npm } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const VERSION = '24.21.0'

/**
 * Node 24 from npm. Never a dependency of the project: it would shadow `node` in its scripts.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ node: string, home: string }>} the program, and its prefix with bin/ and include/
 */
export async function node24({ report = reportToStderr } = {}) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = await cached({ thing: name, version: VERSION, report }, async (empty) => {
    await writeFile(path.join(empty, 'package.json'), '{"private":true}\n')
    await npm(['install', '--no-save', '--no-audit', '--no-fund', `${name}@${VERSION}`], { cwd: empty })
  })
  const home = path.join(folder, 'node_modules', name)
  return { node: path.join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'), home }
}
