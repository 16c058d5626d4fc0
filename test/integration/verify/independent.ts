import { execFile } from 'node:child_process'
import path from 'node:path'
import { runVerify } from '../../../src/cli/verify.ts'
import { node24 } from '../../setup/node24.mjs'
import { run } from '../../setup/run.mjs'

const SCRIPT = path.join(import.meta.dirname, '../../../docs/verify/verify.mjs')
/** ML-DSA in Web Crypto, which jose uses, is experimental in Node 24 and says so on standard error. */
const QUIET = '--disable-warning=ExperimentalWarning'

/** A bundle, and the kids and files that are trusted. */
export interface Case {
  readonly file: string
  readonly trust: readonly string[]
}

export interface Ruling {
  readonly code: number
  /** Exactly as printed. */
  readonly lines: readonly string[]
  /** What it says of each line of the file: its number and "holds", "FALSE" or "incomplete", in order of the numbers. */
  readonly states: readonly string[]
}

/** What the product says. */
export async function ours({ trust, file }: Case): Promise<Ruling> {
  const lines: string[] = []
  const io = { stdout: (line: string) => void lines.push(line), stderr: (line: string) => void lines.push(line) }
  const code = await runVerify([...trusting(trust), file], io)
  return { code, lines, states: statesIn(lines, file) }
}

/** What the script says that shares no code with it, under Node 24, of each case. */
export async function independent(cases: readonly Case[]): Promise<readonly Ruling[]> {
  const { node } = await node24()
  const jobs = cases.map(({ trust, file }) => [...trusting(trust), file])
  const many = path.join(import.meta.dirname, 'manyVerdicts.mjs')
  const printed = await run(node, [QUIET, many], { input: JSON.stringify({ script: SCRIPT, jobs }) })
  const results: readonly { code: number; lines: string[] }[] = JSON.parse(printed)
  return results.map((result, at) => ({ ...result, states: statesIn(result.lines, cases[at]?.file ?? '') }))
}

/** The same as people run it. */
export async function asProcess({ trust, file }: Case): Promise<{ code: number; stdout: string; stderr: string }> {
  const { node } = await node24()
  return await new Promise((resolve) => {
    execFile(node, [QUIET, SCRIPT, ...trusting(trust), file], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

function trusting(trust: readonly string[]): string[] {
  return trust.flatMap((value) => ['--trust', value])
}

function statesIn(lines: readonly string[], file: string): string[] {
  const found = new Set<string>()
  for (const line of lines) {
    const [state = '', place = ''] = line.split(/ +/)
    if (place.startsWith(`${file}:`)) found.add(`${place.slice(file.length + 1).padStart(4)} ${state}`)
    else if (/ session /.test(line)) found.add(`session ${state}`)
  }
  return [...found].toSorted()
}
