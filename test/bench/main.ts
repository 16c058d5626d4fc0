import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { measureCalls } from './calls.ts'
import { measureHandshakes } from './handshakes.ts'
import { measureSigning } from './signing.ts'
import { measureVerification } from './verification.ts'

/** Raw figures by name, and ratios of two figures of the same run: only those say something beyond this machine. */
export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  readonly ratios: Readonly<Record<string, { readonly value: number; readonly goal: string; readonly holds: boolean }>>
}

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string', multiple: true } } })
const parts: Readonly<Record<string, (folder: string) => Promise<Measured>>> = {
  calls: measureCalls,
  signing: measureSigning,
  handshakes: measureHandshakes,
  verification: measureVerification,
}

const base = process.env['BENCH_FOLDER'] ?? '.'
const figures: Record<string, number> = {}
const ratios: Record<string, Measured['ratios'][string]> = {}
for (const [name, measure] of Object.entries(parts)) {
  if (values.only !== undefined && !values.only.includes(name)) continue
  process.stderr.write(`measuring ${name}\n`)
  const folder = `${base}/${name}`
  mkdirSync(folder, { recursive: true })
  const measured = await measure(folder)
  Object.assign(figures, measured.figures)
  Object.assign(ratios, measured.ratios)
}

const width = Math.max(...Object.keys({ ...figures, ...ratios }).map((name) => name.length))
for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(width)}  ${round(value)}\n`)
for (const [name, { value, goal, holds }] of Object.entries(ratios)) {
  process.stdout.write(`${name.padEnd(width)}  ${round(value)}  (goal ${goal}: ${holds ? 'holds' : 'MISSED'})\n`)
}
if (values.json !== undefined) {
  const machine = { node: process.version, platform: `${process.platform}-${process.arch}` }
  writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), machine, figures, ratios }, null, 2)}\n`)
}
// Children and sockets that a measurement left would keep the process alive.
process.exit(0)

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
