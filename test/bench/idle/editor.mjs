// @ts-check
// Two real editors, one with the extension (argument: its .vsix) and one without. Prints one JSON line when both are idle,
// {"activations":[{"load":ms,"activate":ms}…],"hosts":{"with":pid,"without":pid},"probe":FOLDER}, and ends when its standard
// input does.
import { copyFile, readdir, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBrowser, openWorkbench, startCodeServer } from '../../vscode/driver/index.mjs'

const PROBE = fileURLToPath(new URL('activationProbe.cjs', import.meta.url))
const STARTS = 3
/** After that, an editor has done what it does when it begins. */
const SETTLE = 20_000

const [vsix = ''] = process.argv.slice(2)
const browser = await openBrowser()
const other = await openBrowser()
/** @type {import('../../vscode/driver/index.mjs').CodeServer[]} */
const servers = []
try {
  const subject = await startCodeServer({ vsix: [vsix] })
  servers.push(subject)
  const dist = await putProbe(subject.profile.extensions)
  const control = await startCodeServer()
  servers.push(control)
  await openWorkbench(browser.page, subject.url)
  /** @type {{ pid: number, load: number, activate: number }[]} */
  let starts = await probed(dist, 1)
  while (starts.length < STARTS) {
    await browser.page.reload()
    starts = await probed(dist, starts.length + 1)
  }
  await openWorkbench(other.page, control.url)
  await sleep(SETTLE)
  const hosts = { with: starts.at(-1)?.pid, without: await hostOf(control.profile.home) }
  const activations = starts.map(({ load, activate }) => ({ load, activate }))
  process.stdout.write(`${JSON.stringify({ activations, hosts, probe: dist })}\n`)
  for await (const _ of process.stdin);
} finally {
  await Promise.all([browser.close(), other.close()])
  await Promise.all(servers.map((server) => server.stop()))
}

/** @param {string} extensions */
async function putProbe(extensions) {
  const name = (await readdir(extensions)).find((one) => one.startsWith('countersign.countersign-'))
  if (name === undefined) throw new Error('the extension was not installed')
  const dist = path.join(extensions, name, 'dist', 'extension')
  await rename(path.join(dist, 'activate.cjs'), path.join(dist, 'activate.real.cjs'))
  await copyFile(PROBE, path.join(dist, 'activate.cjs'))
  return dist
}

/**
 * Waits until the extension was activated so often.
 *
 * @param {string} dist
 * @param {number} count
 */
async function probed(dist, count) {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await sleep(100)) {
    const text = await readFile(path.join(dist, 'probe.jsonl'), 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => line !== '')
    if (lines.length >= count) return lines.map((line) => JSON.parse(line))
  }
  throw new Error('the extension was not activated')
}

/** The extension host of the editor with this home. @param {string} home */
async function hostOf(home) {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (!command.includes('--type=extensionHost')) continue
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')
    if (environment.split('\0').includes(`HOME=${home}`)) return Number(name)
  }
  throw new Error('the editor without the extension has no extension host')
}
