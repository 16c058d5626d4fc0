// @ts-check
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, reportToStderr } from './cache.mjs'
import { node24 } from './node24.mjs'
import { npm } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

/** The published suites; the second also knows revision 2026-07-28. */
export const SUITES = /** @type {const} */ (['0.1.16', '0.2.0-alpha.12'])

/**
 * The SDK of revision 2026-07-28, for the fixtures. Here and not in package.json: nothing that ships and no other test uses
 * it, and 17 packages more in the lock file would be 17 more for whoever audits it.
 */
const SDK = {
  '@modelcontextprotocol/server': '2.4.0',
  '@modelcontextprotocol/client': '2.4.0',
  '@modelcontextprotocol/node': '2.1.2',
}

/**
 * MCP's own conformance suites, the Node that they need, and the SDK of their newest revision, each in a folder of its own.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ node: string, suites: Record<(typeof SUITES)[number], string>, packages: string }>} the program, the
 * entry of each suite, and the folder of the SDK
 */
export async function conformance({ report = reportToStderr } = {}) {
  const { node } = await node24({ report })
  const [first, second] = SUITES
  const suites = { [first]: await suite(first), [second]: await suite(second) }
  const packages = await installed('mcp-sdk', SDK['@modelcontextprotocol/server'], SDK)
  return { node, suites, packages }

  /** @param {string} version */
  async function suite(version) {
    const name = '@modelcontextprotocol/conformance'
    const folder = await installed('mcp-conformance', version, { [name]: version })
    return path.join(folder, 'node_modules', name, 'dist/index.js')
  }

  /**
   * @param {string} thing
   * @param {string} version
   * @param {Record<string, string>} dependencies
   */
  function installed(thing, version, dependencies) {
    return cached({ thing, version, report }, async (empty) => {
      await writeFile(path.join(empty, 'package.json'), JSON.stringify({ private: true, dependencies }))
      await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: empty, node })
    })
  }
}
