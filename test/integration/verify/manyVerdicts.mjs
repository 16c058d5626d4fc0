// Run by Node 24: the independent verifier over many bundles in one process, each time from its beginning. Starting a
// process for each would take minutes. @ts-check is off: it replaces `console.log` and `process.argv` on purpose.
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

const { script, jobs } = JSON.parse(await text(process.stdin))
const { argv } = process
const { log } = console
const results = []
for (const [number, args] of jobs.entries()) {
  const lines = []
  console.log = (line) => void lines.push(line)
  process.argv = [...argv.slice(0, 2), ...args]
  process.exitCode = undefined
  try {
    // Another query is another module: nothing of the run before is left.
    await import(`${pathToFileURL(script).href}?${number}`)
    results.push({ code: process.exitCode, lines })
  } catch (thrown) {
    results.push({ code: -1, lines: [...lines, String(thrown?.stack)] })
  }
}
process.exitCode = 0
console.log = log
console.log(JSON.stringify(results))
