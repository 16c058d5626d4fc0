// `npm test`: from a fresh clone to every test run. The last line is `N passed, N failed`; CI reads it.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from './setup/chromium.mjs'
import { codeServer } from './setup/codeServer.mjs'
import { conformance } from './setup/conformance.mjs'
import { installDependencies } from './setup/install.mjs'
import { node24 } from './setup/node24.mjs'
import { nss } from './setup/nss.mjs'
import { openCryptoki } from './setup/openCryptoki.mjs'
import { openssl } from './setup/openssl.mjs'
import { softhsm } from './setup/softhsm.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUTPUT = fileURLToPath(new URL('./output/', import.meta.url))

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`)

/**
 * Runs a command with our output; resolves to its exit code.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [more] of the environment
 * @returns {Promise<number>}
 */
function run(command, args, more) {
  return new Promise((resolve) => {
    const env = { ...process.env, ...more }
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', () => resolve(127))
    child.on('close', (code, signal) => resolve(signal === null ? (code ?? 1) : 1))
  })
}

/**
 * Files whose tests wait for other processes, browsers and editors. What these do when a machine stands still for seconds is
 * not what is tested. Never those that search at random or look for secrets: what they find once is found.
 */
const OUTSIDE = /\/test\/(vscode|integration\/(chain|conformance|keys|mcp|verify|webview))\/(?!.*(memory|property))/i
const FEW = 3

/**
 * As {@link vitest}, and runs a few failed files of {@link OUTSIDE} a second time, alone. What passes then counts as passed, and
 * is named: it is a bug to be found, of the test or of the product. An error that no test caught belongs to none of them, and stays.
 */
async function vitestTwice(name, args) {
  const first = await vitest(name, args)
  const { files } = first
  const few = files.length > 0 && files.length <= FEW && files.every((file) => OUTSIDE.test(file.path))
  if (!few || first.unhandled > 0) return first
  say(`A second run, alone: ${files.map((file) => file.path).join(', ')}`)
  const second = await vitest(`${name}-again`, [...args, ...files.map((file) => file.path)])
  if (second.failed > 0) return first
  for (const file of files) for (const test of file.failed) say(`PASSED ONLY IN THE SECOND RUN: ${test}`)
  const mended = files.reduce((sum, file) => sum + Math.max(file.failed.length, 1), 0)
  return { ...first, passed: first.passed + mended, failed: 0 }
}

/**
 * Test counts of one vitest run, and its failed files. A run that left no counts counts as one failure: silence is no success.
 */
async function vitest(name, args) {
  const file = `${OUTPUT}${name}.json`
  await rm(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=./test/config/countsReporter.mjs']
  const vitestArgs = ['vitest', 'run', '--config', 'test/config/vitest.config.ts', ...reporters, ...args]
  const code = await run('npx', vitestArgs, { COUNTS_FILE: file })
  try {
    const counts = JSON.parse(await readFile(file, 'utf8'))
    return { ...counts, failed: Math.max(counts.failed, code === 0 ? 0 : 1) }
  } catch {
    return { passed: 0, failed: 1, skipped: 0, unhandled: 0, files: [] }
  }
}

const total = { passed: 0, failed: 0, skipped: 0 }
/** @param {{passed: number, failed: number, skipped?: number}} counts */
function add(counts) {
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped ?? 0
}

/** @param {string} name @param {Promise<number>} exit */
async function step(name, exit) {
  const started = Date.now()
  const code = await exit
  say(`${code === 0 ? 'ok' : 'FAILED'}: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  add(code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
  return code === 0
}

await installDependencies({ report: say })
await mkdir(OUTPUT, { recursive: true })

// Real parts first: the tests use them, and a slow download would otherwise look like a slow test.
// One after the other: Debian's package tool takes a lock, and npm is no faster in pairs.
for (const [name, ensure] of Object.entries({
  nss,
  openCryptoki,
  softhsm,
  openssl,
  node24,
  conformance,
  chromium,
  codeServer,
})) {
  try {
    await ensure({ report: say })
  } catch (error) {
    say(
      `not here: ${name}: ${error instanceof Error ? error.message : String(error)} (the tests that need it will say that they were skipped)`,
    )
  }
}

if (await step('build', run('node', ['esbuild.mjs', '--production']))) {
  for (const check of ['types', 'lint', 'format', 'dead'])
    await step(`check:${check}`, run('npm', ['run', '--silent', `check:${check}`]))
  add(await vitestTwice('tests', ['--project', 'tests']))
  await step('package', run('node', ['test/package.mjs']))
  add(await vitestTwice('vscode', ['--project', 'vscode']))
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`)
process.exitCode = total.failed === 0 ? 0 : 1
