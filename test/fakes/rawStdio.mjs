// A server on stdio that looks at bytes: `rawStdio.mjs FILE` writes every line that it reads to FILE, replacing the one before,
// and answers a request with the bytes that the request names in base64 (`params.arguments.answer`).
import { writeFileSync } from 'node:fs'

const file = process.argv[2] ?? ''
/** @type {Buffer[]} */
let pieces = []

process.stdin.on('data', (/** @type {Buffer} */ chunk) => {
  let rest = chunk
  for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
    take(Buffer.concat([...pieces, rest.subarray(0, end)]))
    pieces = []
    rest = rest.subarray(end + 1)
  }
  pieces.push(rest)
})
process.stdin.on('end', () => process.exit(0))

/** @param {Buffer} line */
function take(line) {
  const { id, method, params } = JSON.parse(line.toString())
  if (id === undefined) return
  writeFileSync(file, line)
  const plain = method === 'initialize' ? { protocolVersion: '2025-11-25' } : {}
  const answer =
    params?.arguments?.answer ?? Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: plain })).toString('base64')
  process.stdout.write(Buffer.concat([Buffer.from(answer, 'base64'), Buffer.from('\n')]))
}
