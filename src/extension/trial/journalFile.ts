import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { joined } from '../../crypto/encoding.ts'
import { type JournalLine, parseLine } from '../../evidence/journal/format.ts'
import { CHAIN_START, LineChain } from '../../evidence/journal/lineChain.ts'
import { type Finding, OfflineVerifier } from '../../evidence/offline.ts'
import type { TrustedWindow } from '../../evidence/trustedKeys.ts'

type Trusted = ReadonlyMap<string, TrustedWindow>

/** The journal of a session that is over, and whose signatures in it are to be believed. */
export interface JournalFile {
  readonly bytes: Uint8Array
  readonly lines: readonly JournalLine[]
  readonly trusted: Trusted
}

const LINE_FEED = 10

export async function readJournalFile(folder: string, kids: readonly string[]): Promise<JournalFile> {
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.jsonl'))
  const bytes = new Uint8Array(await readFile(join(folder, name)))
  return { bytes, lines: linesOf(bytes), trusted: new Map(kids.map((kid) => [kid, {}])) }
}

/** The file with these lines, numbered and chained as if it had always been so. */
export function rewritten(lines: readonly JournalLine[]): Uint8Array {
  return joined(new LineChain(CHAIN_START).encode(lines))
}

/** All that the offline verifier says of a file, as `countersign verify` does. */
export async function findingsOf(bytes: Uint8Array, trusted: Trusted): Promise<Finding[]> {
  const verifier = new OfflineVerifier(trusted)
  const findings: Finding[] = []
  for await (const finding of verifier.verifyFile('journal', once(bytes))) findings.push(finding)
  findings.push(...verifier.finish())
  return findings
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function linesOf(bytes: Uint8Array): JournalLine[] {
  const lines: JournalLine[] = []
  let start = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
    lines.push(parseLine(bytes.subarray(start, at)).line)
    start = at + 1
  }
  return lines
}
