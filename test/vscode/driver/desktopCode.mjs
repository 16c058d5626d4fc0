// @ts-check
import { readFileSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { reportToStderr } from '../../setup/cache.mjs'
import { findInPath, run } from '../../setup/run.mjs'
import { controlFile, helperClient } from '../helper/client.mjs'
import { HELPER_ID, packageHelper } from '../helper/package.mjs'
import { startGroup } from './processGroup.mjs'
import { cleanEnvironment, createProfile, removeProfile, removeProfileSync } from './profile.mjs'

/** Whether a window can be shown here. */
export function hasScreen() {
  return process.platform !== 'linux' || Boolean(process.env['DISPLAY']) || Boolean(process.env['WAYLAND_DISPLAY'])
}

/**
 * The desktop VS Code of this machine, if it has one and a screen to show it on.
 *
 * @returns {string | undefined}
 */
export function findDesktopCode() {
  const code = hasScreen() ? findInPath('code', 'code-insiders') : undefined
  return code === undefined || isCodeServer(code) ? undefined : code
}

/**
 * code-server, and a terminal of a remote window, put a `code` of their own into PATH. @param {string} file
 */
function isCodeServer(file) {
  const real = realpathSync(file)
  if (/code-server|vscode-server|remote-cli/.test(real)) return true
  try {
    return readFileSync(real).subarray(0, 4096).includes('code-server')
  } catch {
    return false
  }
}

/**
 * Opens a window of the desktop VS Code that shares nothing with the user's own.
 *
 * @param {{
 *   code: string,
 *   helper?: boolean,
 *   vsix?: readonly string[],
 *   workspace?: string,
 *   settings?: Record<string, unknown>,
 *   extraArgs?: readonly string[],
 *   env?: Record<string, string>,
 *   root?: string,
 *   report?: import('../../setup/cache.mjs').Report,
 * }} options
 * @returns {Promise<{
 *   profile: import('./profile.mjs').Profile,
 *   helper: import('../helper/client.mjs').Helper,
 *   closed: Promise<void>,
 *   stop: () => Promise<void>,
 * }>} `closed` when the person closed the window; `helper` answers only where `helper: true` was asked for
 */
export async function startDesktopCode(options) {
  const { code, helper = false, extraArgs = [], report = reportToStderr } = options
  const vsix = [...(options.vsix ?? []), ...(helper ? [await packageHelper({ report })] : [])]
  const profile = await createProfile(options)
  const control = controlFile(profile.root)
  await rm(control, { force: true })
  // Its own HOME would hide the person's display and keyring from it.
  const env = {
    ...cleanEnvironment(profile, { COUNTERSIGN_TEST_HELPER_FILE: control }),
    ...userSession(),
    ...options.env,
  }
  const where = ['--user-data-dir', profile.userData, '--extensions-dir', profile.extensions]
  for (const file of vsix) await run(code, [...where, '--install-extension', file], { env, timeout: 120_000 })
  const proposals = helper ? ['--enable-proposed-api', HELPER_ID] : []
  const noSandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const group = startGroup(
    code,
    [
      ...where,
      ...noSandbox,
      ...proposals,
      '--wait',
      '--new-window',
      '--disable-workspace-trust',
      '--skip-welcome',
      ...extraArgs,
      profile.workspace,
    ],
    {
      env,
      onOutput: () => {},
      afterCrash: () => {
        endWindow(profile)
        removeProfileSync(profile)
      },
    },
  )
  return {
    profile,
    helper: helperClient(control),
    closed: group.ended,
    async stop() {
      endWindow(profile)
      await Promise.race([group.ended, sleep(10_000)])
      await group.stop()
      await removeProfile(profile)
    },
  }
}

/**
 * `code` only starts the window's process, in a group of its own. That process leaves its id in its profile.
 *
 * @param {import('./profile.mjs').Profile} profile
 */
function endWindow({ userData }) {
  try {
    const pid = Number(readFileSync(path.join(userData, 'code.lock'), 'utf8'))
    if (Number.isSafeInteger(pid) && pid > 1) process.kill(pid, 'SIGTERM')
  } catch {
    // It has ended already, or never began.
  }
}

function userSession() {
  const names = [
    'HOME',
    'XDG_RUNTIME_DIR',
    'XDG_SESSION_TYPE',
    'XDG_CURRENT_DESKTOP',
    'XDG_DATA_DIRS',
    'XDG_CONFIG_DIRS',
  ]
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}
