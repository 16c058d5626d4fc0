// `npm run faults`: every byte at which a connection can be cut, and 200 processes killed in the middle of calls, 300 while they write their journals. The last
// line is one JSON document; exit code 1 if a call was lost, repeated or answered wrong.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installDependencies } from '../setup/install.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUTPUT = fileURLToPath(new URL('../output/faults/', import.meta.url))
/** One report each; a part that left none did not happen. */
const PARTS = ['webSocket-c2s', 'webSocket-s2c', 'stream-c2s', 'stream-s2c', 'kills', 'journalKills']

process.chdir(ROOT)
await installDependencies()
rmSync(OUTPUT, { recursive: true, force: true })
mkdirSync(OUTPUT, { recursive: true })

const started = Date.now()
const args = ['vitest', 'run', '--config', 'test/config/faults.config.ts', ...process.argv.slice(2)]
// What vitest says goes to standard error: standard output carries the one line.
const { status } = spawnSync('npx', args, { stdio: ['ignore', 2, 2] })

const KINDS = /** @type {const} */ (['cuts', 'missed', 'kills', 'calls', 'lost', 'repeated', 'wrong'])
const total = { cuts: 0, missed: 0, kills: 0, calls: 0, lost: 0, repeated: 0, wrong: 0 }
/** @type {Record<string, number>} */
const unknown = {}
const reports = readdirSync(OUTPUT)
for (const name of reports) {
  const counts = JSON.parse(readFileSync(`${OUTPUT}${name}`, 'utf8'))
  for (const key of KINDS) total[key] += counts[key]
  for (const [victim, times] of Object.entries(counts.unknown)) unknown[victim] = (unknown[victim] ?? 0) + times
  for (const finding of counts.findings) process.stderr.write(`${name}: ${finding}\n`)
}
const missing = PARTS.filter((part) => !reports.includes(`${part}.json`))
for (const part of missing) process.stderr.write(`${part} left no report\n`)
const clean = total.lost + total.repeated + total.wrong === 0
const stride = Number(process.env['FAULTS_STRIDE'] ?? 1)
const seconds = Math.round((Date.now() - started) / 1000)
process.stdout.write(`${JSON.stringify({ ...total, unknown, stride, seconds })}\n`)
process.exitCode = status === 0 && clean && missing.length === 0 ? 0 : 1
