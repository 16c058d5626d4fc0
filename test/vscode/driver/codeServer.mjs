// @ts-check
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { reportToStderr } from '../../setup/cache.mjs'
import { codeServer } from '../../setup/codeServer.mjs'
import { run } from '../../setup/run.mjs'
import { controlFile, helperClient } from '../helper/client.mjs'
import { HELPER_ID, packageHelper } from '../helper/package.mjs'
import { startGroup } from './processGroup.mjs'
import { cleanEnvironment, createProfile, removeProfile, removeProfileSync, speak, updateSettings } from './profile.mjs'

// Port 0: the server says which one it got, so that no other process can take it in between.
const LOOPBACK = ['--auth', 'none', '--bind-addr', '127.0.0.1:0']
const CALM = [
  '--disable-telemetry',
  '--disable-update-check',
  '--disable-workspace-trust',
  '--disable-getting-started-override',
]

/**
 * @typedef {object} CodeServer
 * @property {string} url
 * @property {import('./profile.mjs').Profile} profile
 * @property {import('../helper/client.mjs').Helper} helper answers only where `helper: true` was asked for
 * @property {() => string} log the end of what it printed
 * @property {(changes: Record<string, unknown>) => Promise<boolean>} updateSettings whether they hold at once (it takes the helper), or from
 *   the next load of the page on
 * @property {() => Promise<void>} stop ends all its processes and removes its temporary folders
 */

/**
 * Starts a real VS Code whose window is a web page. Its HOME, settings and extensions are its own; give `root` to keep them
 * for another start.
 *
 * @param {{
 *   helper?: boolean,
 *   vsix?: readonly string[],
 *   workspace?: string,
 *   settings?: Record<string, unknown>,
 *   language?: string,
 *   extraArgs?: readonly string[],
 *   env?: Record<string, string>,
 *   root?: string,
 *   report?: import('../../setup/cache.mjs').Report,
 * }} [options]
 * @returns {Promise<CodeServer>}
 */
export async function startCodeServer(options = {}) {
  const { helper = false, extraArgs = [], report = reportToStderr } = options
  const vsix = [...(options.vsix ?? []), ...(helper ? [await packageHelper({ report })] : [])]
  const { node, entry } = await codeServer({ report })
  const profile = await createProfile(options)
  const control = controlFile(profile.root)
  await rm(control, { force: true })
  const env = cleanEnvironment(profile, { COUNTERSIGN_TEST_HELPER_FILE: control, ...options.env })
  const where = [
    '--user-data-dir',
    profile.userData,
    '--extensions-dir',
    profile.extensions,
    '--config',
    profile.config,
  ]
  if (vsix.length > 0) {
    await run(node, [entry, ...where, ...vsix.flatMap((file) => ['--install-extension', file])], {
      env,
      timeout: 240_000,
    })
  }
  const language = options.language === undefined ? [] : await speak(profile, options.language)
  let log = ''
  const proposals = helper ? ['--enable-proposed-api', HELPER_ID] : []
  const group = startGroup(
    node,
    [entry, ...where, ...LOOPBACK, ...CALM, ...proposals, ...language, ...extraArgs, profile.workspace],
    {
      env,
      cwd: profile.root,
      afterCrash: () => removeProfileSync(profile),
      onOutput: (text) => {
        log = (log + text).slice(-64_000)
      },
    },
  )
  const stop = async () => {
    await group.stop()
    await removeProfile(profile)
  }
  try {
    const url = await waitUntilHealthy(() => log, group.isRunning)
    return {
      url,
      profile,
      helper: helperClient(control),
      log: () => log,
      updateSettings: (changes) => change(profile, existsSync(control) ? helperClient(control) : undefined, changes),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * @param {import('./profile.mjs').Profile} profile
 * @param {import('../helper/client.mjs').Helper | undefined} helper
 * @param {Record<string, unknown>} changes
 */
async function change(profile, helper, changes) {
  if (helper === undefined) await updateSettings(profile, changes)
  else for (const [section, value] of Object.entries(changes)) await helper.updateSetting(section, value)
  return helper !== undefined
}

/**
 * @param {() => string} log
 * @param {() => boolean} isRunning
 */
async function waitUntilHealthy(log, isRunning) {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline && isRunning()) {
    const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(log())?.[1]
    if (url !== undefined) {
      const answer = await fetch(`${url}/healthz`).catch(() => undefined)
      await answer?.body?.cancel()
      if (answer?.ok) return url
    }
    await sleep(50)
  }
  throw new Error(`code-server did not start:\n${log()}`)
}
