// @ts-check
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasScreen, openBrowser, openWorkbench, startCodeServer, startDesktopCode } from '../vscode/driver/index.mjs'
import { controlFile } from '../vscode/helper/client.mjs'

/** @typedef {import('../setup/cache.mjs').Report} Report */
/** @typedef {{ vsix: string, report: Report, onStop: (stop: () => Promise<void>) => void }} Demo `onStop` gets what ends it */

const COMMAND = 'Countersign: Try the Sample Server'

/**
 * In the desktop VS Code that is installed here, with a profile of its own.
 *
 * @param {Demo & { code: string }} demo
 * @returns {Promise<void>} when the person closed the window
 */
export async function desktopDemo({ code, vsix, report, onStop }) {
  report('opening VS Code with a profile of its own')
  const editor = await startDesktopCode({ code, helper: true, vsix: [vsix], report })
  onStop(() => editor.stop())
  report(`If nothing happens in it: F1, then "${COMMAND}".`)
  await show(editor, editor.closed, report)
}

/**
 * In a browser: its window is ours where there is a screen, the person's own elsewhere.
 *
 * @param {Demo} demo
 * @returns {Promise<void>} when the person closed the window
 */
export async function browserDemo({ vsix, report, onStop }) {
  report('starting VS Code (code-server) with the extension in it')
  const server = await startCodeServer({ helper: true, vsix: [vsix], report })
  onStop(() => server.stop())
  if (!hasScreen()) {
    report(`Open ${server.url} in a browser on this machine. The sample server starts as soon as the page is there.`)
    return await show(server, new Promise(() => {}), report)
  }
  const { browser, page, close } = await openBrowser({
    headless: false,
    width: 1600,
    height: 1000,
    ownSignals: true,
    report,
  })
  onStop(close)
  /** @type {Promise<void>} */
  const closed = new Promise((resolve) => {
    browser.once('disconnected', () => resolve())
    page.once('close', () => resolve())
  })
  await openWorkbench(page, server.url)
  await show(server, closed, report)
}

/**
 * Runs the command once there is a window, and leaves the rest to the person.
 *
 * @param {{ profile: { root: string }, helper: import('../vscode/helper/client.mjs').Helper }} editor
 * @param {Promise<void>} closed
 * @param {Report} report
 */
async function show({ profile, helper }, closed, report) {
  const window = { open: true }
  const ended = closed.then(() => {
    window.open = false
  })
  // The helper is there as soon as there is a window.
  while (window.open && !existsSync(controlFile(profile.root))) await Promise.race([sleep(300), ended])
  if (window.open) await Promise.race([offerChat(helper, report).catch((error) => report(String(error))), ended])
  await ended
}

/**
 * @param {import('../vscode/helper/client.mjs').Helper} helper
 * @param {Report} report
 */
async function offerChat(helper, report) {
  report(COMMAND)
  // It returns when its last notification was answered, which may be never; what goes wrong is said in the editor.
  helper.command('countersign.trySample').catch(() => {})
  const { name } = await helper.waitForTool('_echo', { start: true, timeout: 30 * 60_000 })
  await helper.command('countersign.openPanel')
  await helper.script(name, { message: '$PROMPT' })
  // They would cover the chat.
  await helper.command('notifications.clearAll')
  // Half a question: sending it is the person's.
  await helper.command('workbench.action.chat.open', {
    query: 'Hello through Countersign',
    isPartialQuery: true,
    mode: 'agent',
    modelSelector: { vendor: 'countersign-test', id: 'scripted' },
  })
  report('The sample is connected. Press Enter in the chat: the agent (a script, not a language model) calls the')
  report('sample’s echo, and the panel shows each signed context.')
  report('To end the demo, close the window or press Ctrl+C here.')
}
