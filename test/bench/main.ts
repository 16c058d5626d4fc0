import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { measureCalls } from './calls/measure.ts'
import { measureHandshakes } from './handshakes/measure.ts'
import { measureIdle } from './idle/measure.ts'
import type { Measured, Setting } from './measured.ts'
import { asText, writeJson } from './report.ts'
import { measureSigning } from './signing/measure.ts'
import { measureVerification } from './verification/measure.ts'

const PARTS: Readonly<Record<string, (setting: Setting) => Promise<Measured>>> = {
  calls: measureCalls,
  signing: measureSigning,
  handshakes: measureHandshakes,
  verification: measureVerification,
  idle: measureIdle,
}

const options = {
  json: { type: 'string' },
  only: { type: 'string' },
  rounds: { type: 'string', default: '3' },
} as const
const { values } = parseArgs({ options })
const wanted = values.only?.split(',') ?? Object.keys(PARTS)
const unknown = wanted.filter((name) => PARTS[name] === undefined)
const rounds = Number(values.rounds)
if (unknown.length > 0 || !(Number.isInteger(rounds) && rounds > 0)) {
  process.stderr.write(`--only takes ${Object.keys(PARTS).join(',')}; --rounds a number from 1 on\n`)
  process.exit(2)
}

const { BENCH_ROOT: root = './', BENCH_FOLDER: base = '.' } = process.env
const measured: Measured[] = []
for (const name of wanted) {
  const started = Date.now()
  process.stderr.write(`measuring ${name}\n`)
  const folder = `${base}/${name}`
  mkdirSync(folder, { recursive: true })
  const part = await PARTS[name]?.({ root, folder, rounds })
  if (part !== undefined) measured.push(part)
  process.stderr.write(`  ${Math.round((Date.now() - started) / 1000)} s\n`)
}
process.stdout.write(asText(measured))
if (values.json !== undefined) writeJson(values.json, measured, rounds)
// Children and sockets that a measurement left would keep the process alive.
process.exit(0)
