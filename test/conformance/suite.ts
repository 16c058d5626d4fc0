import { spawn } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Conformance, SuiteVersion } from '../setup/conformance.mjs'
import type { Checks } from './compare.ts'

const LIMIT = 300_000

export interface SuiteRun {
  readonly installed: Conformance
  readonly suite: SuiteVersion
  /** Of the suite's command line, without its output folder. */
  readonly args: readonly string[]
  /** For what the suite writes; made anew. */
  readonly output: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a suite to its end. Its exit code says whether the server is good, which is not the question here. */
export async function runSuite({ installed, suite, args, output, env = {} }: SuiteRun): Promise<Checks> {
  await rm(output, { recursive: true, force: true })
  const command = [installed.suites[suite], ...args, '-o', output]
  const options = { env: { ...process.env, ...env, CONFORMANCE_PACKAGES: installed.packages }, timeout: LIMIT }
  const child = spawn(installed.node, command, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-8_000)))
  }
  const signal = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_, by) => resolve(by))
  })
  const checks = await readChecks(output)
  // Silence is no success.
  if (signal !== null || checks.size === 0) throw new Error(`suite ${suite} ${args.join(' ')} found nothing:\n${said}`)
  return checks
}

interface Check {
  readonly id: string
  readonly name: string
  readonly status: string
}

/** A folder for each scenario, `[server-]NAME-TIME`, with its checks.json. */
async function readChecks(output: string): Promise<Checks> {
  const checks = new Map<string, ReadonlyMap<string, readonly string[]>>()
  for (const folder of await readdir(output).catch(() => [])) {
    const scenario = folder.replace(/^server-(?=.*-\d{4}-\d\d-\d\dT)/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '')
    const found: readonly Check[] = JSON.parse(await readFile(path.join(output, folder, 'checks.json'), 'utf8'))
    const statuses = new Map<string, string[]>()
    for (const { id, name, status } of found) {
      const key = id === name ? id : `${id} (${name})`
      statuses.set(key, [...(statuses.get(key) ?? []), status])
    }
    checks.set(scenario, statuses)
  }
  return checks
}
