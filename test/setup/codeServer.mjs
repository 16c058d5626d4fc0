// @ts-check
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, reportToStderr } from './cache.mjs'
import { ensurePackages, isDebian } from './debian.mjs'
import { node24 } from './node24.mjs'
import { npm, run } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const VERSION = '4.139.1'

/**
 * VS Code with a browser for its window: code-server from npm, which builds its native modules for Node 24.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ node: string, entry: string }>}
 */
export async function codeServer({ report = reportToStderr } = {}) {
  const { node, home } = await node24({ report })
  const folder = await cached({ thing: 'code-server', version: VERSION, report }, async (empty) => {
    // Without libkrb5-dev its kerberos module fails to build.
    if (isDebian()) await ensurePackages(['libkrb5-dev', 'python3', 'g++', 'make'], { report, why: 'code-server' })
    report('code-server builds its native modules; this takes some minutes')
    await writeFile(path.join(empty, 'package.json'), '{"private":true}\n')
    await npm(['install', '--no-audit', '--no-fund', '--foreground-scripts', `code-server@${VERSION}`], {
      cwd: empty,
      node,
      env: { ...process.env, npm_config_nodedir: home },
    })
    const answer = await run(node, [entryIn(empty), '--version'])
    if (!answer.includes(VERSION)) throw new Error(`code-server ${VERSION} answers ${answer}`)
    await rm(path.join(empty, 'package-lock.json'), { force: true })
  })
  return { node, entry: entryIn(folder) }
}

/** @param {string} folder */
function entryIn(folder) {
  return path.join(folder, 'node_modules/code-server/out/node/entry.js')
}
