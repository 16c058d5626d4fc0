import { parseArgs } from 'node:util'
import type { Agents } from '../setup/agents.d.mts'
import { checkClaudeCode } from './claudeCode.ts'
import { checkCodex } from './codex.ts'
import { checkEvidence } from './evidence.ts'
import { checkInspector } from './inspector.ts'
import { Report } from './report.ts'
import { checkServers } from './servers.ts'
import { Stand } from './stand.ts'

// Started by run.mjs with a home folder for this run alone, and with little else of the environment.
const { AGENTS_INSTALLED: installed = '', AGENTS_ROOT: root = '', HOME: home = '' } = process.env
const { values } = parseArgs({ options: { log: { type: 'boolean' } } })
const agents: Agents = JSON.parse(installed)
const report = new Report()
const stand = await Stand.open(agents, root, home)
try {
  for (const check of [checkServers, checkClaudeCode, checkCodex, checkInspector]) {
    // What breaks before its first check must not take the others with it.
    await check(stand, report).catch((error: unknown) => report.check(check.name, () => Promise.reject(error)))
  }
} finally {
  await stand.end()
}
await checkEvidence(stand, report)
if (values.log === true) process.stderr.write(stand.said())
process.exit(report.failed === 0 ? 0 : 1)
