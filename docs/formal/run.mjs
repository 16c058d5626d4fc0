// node run.mjs [--out DIR] [--jobs N] [--limit SECONDS] [--write-only] [NAME-PREFIX...]
// Writes DIR/NAME.pv for every variant and DIR/expected.json, runs ProVerif (PROVERIF, default "proverif"), and compares each
// result with what is expected. Exit 0 only if all that ran agree.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const MODELS = ['handshake', 'ukshare', 'retry', 'rekey', 'epochs', 'resume', 'resumed', 'binder', 'privacy', 'domains']

const args = process.argv.slice(2)
const option = (name, otherwise) => {
  const at = args.indexOf(name)
  return at < 0 ? otherwise : args.splice(at, 2)[1]
}
const flag = (name) => {
  const at = args.indexOf(name)
  return at >= 0 && args.splice(at, 1).length === 1
}
const out = option('--out', 'out')
const jobs = Number(option('--jobs', 2))
const limit = Number(option('--limit', 900))
const writeOnly = flag('--write-only')
const bin = process.env.PROVERIF ?? 'proverif'

const variants = new Map()
for (const model of MODELS) {
  for (const [name, variant] of Object.entries((await import(`./${model}.mjs`)).default)) {
    // A second one of a name would hide the first, and nobody would miss its queries.
    if (variants.has(name)) throw new Error(`two variants are called ${name}`)
    variants.set(name, variant)
  }
}
const names = [...variants.keys()].filter((name) => !args.length || args.some((prefix) => name.startsWith(prefix)))
if (!names.length) {
  console.error('no such variant')
  process.exit(1)
}
fs.mkdirSync(out, { recursive: true })
for (const name of names) fs.writeFileSync(path.join(out, `${name}.pv`), variants.get(name).src)
const expected = Object.fromEntries(names.map((name) => [name, variants.get(name).expect]))
fs.writeFileSync(path.join(out, 'expected.json'), JSON.stringify(expected, null, 1))
if (writeOnly) process.exit(0)

const answer = (line) => {
  if (line === undefined) return 'no answer'
  if (/ is true\.?/.test(line)) return true
  return / is false\.?/.test(line) ? false : 'cannot be proved'
}
// Below an injective query that is false ProVerif says how the same query fares without injectivity: nobody asked.
const ASIDE = /^RESULT \((even|but) |not all/
const rows = []
const compare = (name, text, seconds) => {
  fs.writeFileSync(path.join(out, `${name}.log`), text)
  const results = text.split('\n').filter((line) => line.startsWith('RESULT') && !ASIDE.test(line))
  for (const [index, [, want, why]] of variants.get(name).expect.entries()) {
    const got = answer(results[index])
    const ok = got === want
    rows.push({ name, why, want, got, ok })
    console.log(`${ok ? 'ok  ' : 'DIFF'} ${name}: ${why} -> ${got}${ok ? '' : ` (expected ${want})`}`)
  }
  if (!results.length) {
    const errors = text.split('\n').filter((line) => /rror|File/.test(line))
    console.log(`DIFF ${name}: ${errors.slice(0, 3).join(' | ') || 'killed'}`)
  }
  console.log(`     ${name}: ${seconds.toFixed(1)} s`)
}
const run = (name) =>
  new Promise((done) => {
    const began = Date.now()
    const child = spawn(bin, [path.join(out, `${name}.pv`)])
    const timer = setTimeout(() => child.kill('SIGKILL'), limit * 1000)
    let text = ''
    const take = (bytes) => {
      text += bytes
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', (error) => take(error.message))
    child.on('close', () => {
      clearTimeout(timer)
      compare(name, text, (Date.now() - began) / 1000)
      done()
    })
  })

const queue = [...names]
const worker = async () => {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) await run(name)
}
await Promise.all(Array.from({ length: jobs }, worker))
fs.writeFileSync(path.join(out, 'results.json'), JSON.stringify(rows, null, 1))
const bad = rows.filter(({ ok }) => !ok).length
console.log(`${rows.length} queries, ${bad} not as expected`)
process.exit(bad || !rows.length ? 1 : 0)
