// @ts-check
// `npm run demo`: from a fresh clone to the main job in a real VS Code. With `--check` nobody is needed: one line of JSON on
// standard output says what was seen. Progress goes to standard error.
import { browserEditorVersion, prepareBrowserEditor, prepareExtension } from './demo/prepare.mjs'
import { within } from './demo/waiting.mjs'

const USAGE = 'Usage: npm run demo [-- --check]\n'
const started = Date.now()

/** @param {string} text */
const report = (text) => {
  process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`)
}

/** @type {(() => Promise<void>)[]} */
const running = []
/** @param {() => Promise<void>} stop */
const onStop = (stop) => running.push(stop)

/** Ends what was started, the last first. */
async function stopAll() {
  for (let stop = running.pop(); stop !== undefined; stop = running.pop()) {
    await within('ending', 15_000, stop()).catch((error) => report(String(error)))
  }
}

let ending = false
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    if (ending) process.exit(1)
    ending = true
    report('ending')
    // What could not be ended in time ends with this process.
    void stopAll().then(() => process.exit(signal === 'SIGINT' ? 0 : 1))
  })
}

async function prepare() {
  const vsix = await prepareExtension(report)
  await prepareBrowserEditor(report)
  return vsix
}

async function check() {
  try {
    // A fresh machine builds code-server, which takes some minutes.
    const vsix = await within('Setting up', 25 * 60_000, prepare())
    const { checkDemo } = await import('./demo/check.mjs')
    const seen = await within('The check', 5 * 60_000, checkDemo({ vsix, report, onStop }))
    const vscode = await browserEditorVersion(report)
    return { ok: true, vscode, ...seen, seconds: Math.round((Date.now() - started) / 100) / 10 }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

async function demo() {
  const { findDesktopCode } = await import('./vscode/driver/index.mjs')
  const { browserDemo, desktopDemo } = await import('./demo/person.mjs')
  const code = findDesktopCode()
  if (code === undefined) {
    const vsix = await prepare()
    await browserDemo({ vsix, report, onStop })
  } else {
    const vsix = await prepareExtension(report)
    await desktopDemo({ code, vsix, report, onStop })
  }
}

const args = process.argv.slice(2)
if (args.some((arg) => arg !== '--check')) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else if (args.includes('--check')) {
  const result = await check()
  await stopAll()
  await new Promise((resolve) => process.stdout.write(`${JSON.stringify(result)}\n`, resolve))
  process.exitCode = result.ok ? 0 : 1
} else {
  try {
    await demo()
  } catch (error) {
    report(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
  await stopAll()
}
// Work that was given up may still hold a socket or a timer.
process.exit()
