// @ts-check
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, reportToStderr } from './cache.mjs'
import { node24 } from './node24.mjs'
import { npm } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */
/** @typedef {import('./agents.d.mts').Installed} Installed */

const SERVERS = '2026.8.31'

/** What is installed for each, exactly; `platform`: its program comes in a package of its own for each platform. */
const THINGS = {
  'claude-code': { version: '2.1.332', packages: ['@anthropic-ai/claude-code'], platform: true },
  codex: { version: '0.171.0', packages: ['@openai/codex'], platform: true },
  inspector: { version: '2.12.0', packages: ['@modelcontextprotocol/inspector'], platform: false },
  servers: {
    version: SERVERS,
    packages: ['filesystem', 'memory', 'sequential-thinking'].map((name) => `@modelcontextprotocol/server-${name}`),
    platform: false,
  },
}

/**
 * Real agents and servers from npm, each in a folder of its own of the user's cache: one that cannot be installed does not
 * take the others with it. The agents need a Node that is newer than ours.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<import('./agents.d.mts').Agents>}
 */
export async function agents({ report = reportToStderr } = {}) {
  const node = await attempt('22 or later', async () => (await node24({ report })).node)
  return {
    node,
    'claude-code': await thing('claude-code'),
    codex: await thing('codex'),
    inspector: await thing('inspector'),
    servers: await thing('servers'),
  }

  /** @param {keyof typeof THINGS} name @returns {Promise<Installed>} */
  function thing(name) {
    const { version, packages, platform } = THINGS[name]
    return attempt(version, async () => {
      const folder = await cached({ thing: `agents-${name}`, version, report }, async (empty) => {
        const dependencies = Object.fromEntries(packages.map((each) => [each, version]))
        await writeFile(path.join(empty, 'package.json'), JSON.stringify({ private: true, dependencies }))
        await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: empty })
        // npm forgives an optional package that it could not load, and an agent without its program would stay in the cache.
        if (platform) await checkPlatform(path.join(empty, 'node_modules', packages[0] ?? ''))
      })
      return path.join(folder, 'node_modules')
    })
  }
}

/** @param {string} version @param {() => Promise<string>} install @returns {Promise<Installed>} */
async function attempt(version, install) {
  try {
    return { version, path: await install() }
  } catch (error) {
    const [first = '', ...rest] = String(error instanceof Error ? error.message : error).split('\n')
    // npm says why in the first line of its own.
    const why = rest.find((line) => line.startsWith('npm error'))
    return { version, missing: why ?? first }
  }
}

/** @param {string} main */
async function checkPlatform(main) {
  const others = await readdir(path.dirname(main))
  if (others.some((name) => name.startsWith(`${path.basename(main)}-${process.platform}`))) return
  throw new Error(`${path.basename(main)} has no program for ${process.platform} ${process.arch}`)
}
