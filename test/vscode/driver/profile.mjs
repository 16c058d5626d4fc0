// @ts-check
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

const CALM = {
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'extensions.autoCheckUpdates': false,
  'update.mode': 'none',
  'remote.autoForwardPorts': false,
  // Or the browser's preference wins over workbench.colorTheme.
  'window.autoDetectColorScheme': false,
  'window.commandCenter': false,
  'workbench.tips.enabled': false,
  'chat.commandCenter.enabled': false,
}

/**
 * The folders of one VS Code that nobody else uses.
 *
 * @typedef {{ root: string, userData: string, extensions: string, home: string, tmp: string, workspace: string, config: string, temporary: boolean }} Profile
 */

/**
 * @param {{ root?: string, settings?: Record<string, unknown>, workspace?: string }} [options] without `root` the folders are temporary
 * @returns {Promise<Profile>}
 */
export async function createProfile({ root, settings = {}, workspace } = {}) {
  // VS Code puts unix sockets into it, whose paths must be short; macOS's own temporary folder is too long.
  const base = process.platform === 'win32' ? tmpdir() : '/tmp'
  const folder = root ?? (await mkdtemp(path.join(base, 'cs-')))
  const profile = {
    root: folder,
    userData: path.join(folder, 'user'),
    extensions: path.join(folder, 'extensions'),
    home: path.join(folder, 'home'),
    tmp: path.join(folder, 'tmp'),
    workspace: workspace ?? path.join(folder, 'workspace'),
    config: path.join(folder, 'config.yaml'),
    temporary: root === undefined,
  }
  for (const one of [profile.userData, profile.extensions, profile.home, profile.tmp, profile.workspace]) {
    await mkdir(one, { recursive: true, mode: 0o700 })
  }
  await writeFile(profile.config, 'cert: false\n')
  await updateSettings(profile, { ...CALM, ...settings })
  return profile
}

/**
 * Changes the user's settings file. A VS Code that is running takes this over when its page is loaded again: not everywhere
 * does its file watcher work. `undefined` removes a setting.
 *
 * @param {Profile} profile
 * @param {Record<string, unknown>} changes
 */
export async function updateSettings(profile, changes) {
  await change(path.join(profile.userData, 'User', 'settings.json'), changes)
  // Settings of machine scope belong to the machine that the extension runs on: a code-server reads them here, and takes
  // those of the user's file over only now and then.
  const ours = Object.entries(changes).filter(([name]) => name.startsWith('countersign.'))
  await change(path.join(profile.userData, 'Machine', 'settings.json'), Object.fromEntries(ours))
}

/** @param {string} file @param {Record<string, unknown>} changes */
async function change(file, changes) {
  await mkdir(path.dirname(file), { recursive: true })
  const before = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'))
  await writeFile(file, `${JSON.stringify({ ...before, ...changes }, undefined, 2)}\n`)
}

/**
 * The language of extensions, without a language pack, which no package registry has: the editor's own texts, by which tests find
 * their way, stay English. To be called after extensions were installed, for that writes this file anew.
 *
 * @param {Profile} profile
 * @param {string} language
 * @returns {Promise<string[]>} the arguments that choose it
 */
export async function speak(profile, language) {
  const texts = path.join(profile.userData, 'texts.json')
  await writeFile(texts, '{"contents":{}}\n')
  // Without an extension of its own the editor would find no extension at all.
  const extensions = [{ extensionIdentifier: { id: 'countersign-test.language' }, version: '0.0.1' }]
  const pack = { hash: 'none', label: language, extensions, translations: { vscode: texts } }
  await writeFile(path.join(profile.userData, 'languagepacks.json'), JSON.stringify({ [language]: pack }))
  return ['--locale', language]
}

/** @param {Profile} profile */
export async function removeProfile(profile) {
  // Processes that are just ending may still write.
  if (profile.temporary) await rm(profile.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

/** The same at once, where nothing can be awaited any more. @param {Profile} profile */
export function removeProfileSync(profile) {
  if (profile.temporary) rmSync(profile.root, { recursive: true, force: true, maxRetries: 3 })
}

/**
 * An environment in which VS Code neither finds a running instance nor the user's own files.
 *
 * @param {Profile} profile
 * @param {Record<string, string>} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function cleanEnvironment(profile, env = {}) {
  const foreign =
    /^(VSCODE_|CODE_SERVER_|ELECTRON_|npm_|NODE_OPTIONS$|NODE_PATH$|XDG_|PORT$|PASSWORD$|HASHED_PASSWORD$|VITEST)/
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
  return { ...inherited, HOME: profile.home, TMPDIR: profile.tmp, ...env }
}
