// `npm run l10n`: what is to be translated, and into which file; exits 1 while something is missing. With --write what is missing is
// added to the files in English, for a translator to go over, and what nobody uses is taken out.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareAll, read } from './files.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const write = process.argv.includes('--write')
let wrong = 0

for (const { file, missing, unused, differing } of compareAll(ROOT)) {
  wrong += missing.length + unused.length + differing.length
  for (const key of missing) process.stdout.write(`${file}: not translated: ${JSON.stringify(key)}\n`)
  for (const key of unused) process.stdout.write(`${file}: not used: ${JSON.stringify(key)}\n`)
  for (const key of differing) process.stdout.write(`${file}: other placeholders: ${JSON.stringify(key)}\n`)
  if (!write || missing.length + unused.length === 0) continue
  const english = file.startsWith('package.nls.') ? read(ROOT, 'package.nls.json') : {}
  const kept = Object.entries(read(ROOT, file)).filter(([key]) => !unused.includes(key))
  const all = [...kept, ...missing.map((key) => [key, english[key] ?? key])]
  const ordered = file.startsWith('package.nls.') ? all : all.toSorted(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(join(ROOT, file), `${JSON.stringify(Object.fromEntries(ordered), null, 2)}\n`)
}
process.exitCode = wrong === 0 ? 0 : 1
