// @ts-check
import { copyFile, cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  askAgent,
  modalDialog,
  notifications,
  openBrowser,
  openWorkbench,
  panel,
  runCommand,
  screenshot,
  startCodeServer,
} from '../vscode/driver/index.mjs'
import { until, within } from './waiting.mjs'

/** @typedef {import('../setup/cache.mjs').Report} Report */
/** @typedef {import('playwright-core').Page} Page */

const OUTPUT = fileURLToPath(new URL('../output/', import.meta.url))
const MESSAGE = 'Hello through Countersign'
const TOOL = 'echo'

/**
 * The main job without a person: the sample server, accepted; a call of the editor's own agent; and what the panel says of it.
 *
 * @param {{ vsix: string, report: Report, onStop: (stop: () => Promise<void>) => void }} options `onStop` gets what ends it early
 */
export async function checkDemo({ vsix, report, onStop }) {
  await mkdir(OUTPUT, { recursive: true })
  report('starting VS Code (code-server) with the extension in it')
  const server = await startCodeServer({ helper: true, vsix: [vsix], report })
  onStop(() => server.stop())
  const { page, errors, close } = await openBrowser({ width: 1600, height: 1000, ownSignals: true, report })
  onStop(close)
  try {
    return await within('The check', 240_000, callThroughIt(page, server, report))
  } catch (error) {
    throw await withTraces(error, page, server, errors)
  }
}

/**
 * @param {Page} page
 * @param {import('../vscode/driver/codeServer.mjs').CodeServer} server
 * @param {Report} report
 */
async function callThroughIt(page, server, report) {
  await openWorkbench(page, server.url)
  report('Countersign: Try the Sample Server')
  await runCommand(page, 'Countersign: Try the Sample Server')
  await connected(page, report)
  report('starting the sample in VS Code’s own MCP client')
  const { name: tool } = await server.helper.waitForTool(`_${TOOL}`, { start: true, timeout: 60_000 })
  report(`the editor's agent calls ${tool}`)
  await server.helper.script(tool, { message: '$PROMPT' })
  const { answer } = await askAgent(page, server.helper, MESSAGE)
  if (!answer.includes(`Echo: ${MESSAGE}`)) throw new Error(`the agent got another answer: ${answer}`)
  await server.helper.command('countersign.openPanel')
  const seen = panel(page)
  await seen.waitFor()
  await seen.show('sessions')
  const session = await until('one session that is ready', async () => {
    const sessions = await seen.sessions()
    return sessions.length === 1 && sessions[0]?.state === 'ready' && sessions[0]
  })
  // The picture is of the panel.
  for (const other of [
    'workbench.action.closeAuxiliaryBar',
    'workbench.action.closeSidebar',
    'notifications.clearAll',
  ]) {
    await server.helper.command(other)
  }
  const picture = await screenshot(page, path.join(OUTPUT, 'demo-panel.png'))
  await seen.show('contexts')
  const counters = await until('a verdict on every context', async () => {
    const counters = await seen.counters()
    return counters.verified > 0 && counters.pending === 0 && counters
  })
  const rows = await seen.contexts()
  // A list is drawn in part, and an editor asks for much more than the call.
  await seen.filter(TOOL)
  const call = (await seen.contexts()).filter(({ about }) => about === TOOL)
  await seen.filter('')
  if (!['to', 'from'].every((direction) => call.some((row) => row.direction === direction))) {
    throw new Error(`the panel does not show the call both ways: ${JSON.stringify(call)}`)
  }
  const others = rows.filter(({ verdict }) => verdict !== 'verified')
  if (others.length > 0 || counters.rejected > 0 || counters.unsigned > 0) {
    throw new Error(`not every context is verified: ${JSON.stringify({ counters, others })}`)
  }
  return {
    session,
    contexts: { verified: counters.verified, rejected: counters.rejected },
    tool,
    answer,
    screenshot: picture,
  }
}

/**
 * Until the session stands. A gateway that this editor did not start itself is a person's to accept: here nobody is there.
 *
 * @param {Page} page
 * @param {Report} report
 */
async function connected(page, report) {
  const modal = modalDialog(page)
  const done = notifications(page)
  await until(
    'the sample server is connected',
    async () => {
      if (await modal.box.isVisible()) {
        report(`VS Code asks: ${await modal.message()}`)
        await modal.click('Trust and Pin')
      }
      return (await done.texts()).some((text) => text.includes('is connected'))
    },
    90_000,
  )
}

/**
 * What somebody needs who has to find out why: the window as it was, and the logs.
 *
 * @param {unknown} cause
 * @param {Page} page
 * @param {import('../vscode/driver/codeServer.mjs').CodeServer} server
 * @param {string[]} errors
 */
async function withTraces(cause, page, server, errors) {
  const message = cause instanceof Error ? cause.message : String(cause)
  const folder = path.join(OUTPUT, 'demo-logs')
  const picture = path.join(OUTPUT, 'demo-failed.png')
  const said = await notifications(page)
    .texts()
    .catch(() => [])
  await screenshot(page, picture).catch(() => {})
  await cp(path.join(server.profile.userData, 'logs'), folder, { recursive: true, force: true }).catch(() => {})
  await copyFile(path.join(server.profile.userData, 'User', 'settings.json'), path.join(folder, 'settings.json')).catch(
    () => {},
  )
  const told = [
    said.length > 0 ? `The editor says: ${said.join(' | ')}` : '',
    errors.length > 0 ? `The page's last error: ${errors.at(-1)}` : '',
    `Window: ${picture}`,
    `Logs: ${folder}`,
  ]
  return new Error([message, ...told.filter((line) => line !== '')].join('\n'), { cause })
}
