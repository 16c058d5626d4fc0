import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from '../setup/run.mjs'
import { demand, type Report } from './report.ts'
import { ALWAYS, type Stand } from './stand.ts'

const USER = /^Claude Code, user$/
const PROJECT = /^Claude Code, project/
const LIMIT = 120_000

/** Claude Code without a login: `mcp list` connects to every server it knows, and says so. */
export async function checkClaudeCode(stand: Stand, report: Report): Promise<void> {
  const { node, 'claude-code': installed } = stand.installed
  const name = `Claude Code ${installed.version}`
  if (installed.path === undefined || node.path === undefined) {
    report.skip(name, installed.missing ?? `Node ${node.missing ?? ''}`)
    return
  }
  const wrapper = path.join(installed.path, '@anthropic-ai/claude-code/cli-wrapper.cjs')
  const env = { ...process.env, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1' }
  const options = { cwd: stand.project, env, timeout: LIMIT }
  const claude = (...args: readonly string[]): Promise<string> => run(node.path ?? '', [wrapper, ...args], options)

  const servers = ['everything', ...stand.more]
  let listed = ''
  await report.check(`${name}: is given its servers, and lists them`, async () => {
    const { url, token } = await stand.endpoint('everything')
    const http = ['--transport', 'http', '--scope', 'local', 'over-http', url]
    await claude('mcp', 'add', ...http, '--header', `Authorization: Bearer ${token}`)
    await claude('mcp', 'add', '--scope', 'local', 'shim-alone', '--', ...stand.shim('claude-code', 'remote'))
    // Into the file that Claude Code has just written.
    await stand.window.add(USER, servers)
    await stand.window.add(PROJECT, ['remote'])
    await approve(stand, ['remote'])
    listed = await claude('mcp', 'list')
  })
  const connects = (what: string, server: string): Promise<void> =>
    report.check(`${name}: ${what}`, () => Promise.resolve(checkConnected(listed, server)))
  await connects('connects over loopback HTTP with a token', 'over-http')
  await connects('connects through the shim alone', 'shim-alone')
  for (const server of servers) await connects(`connects to ${server} by the entry in the user's file`, server)
  await connects('connects by the entry in a project’s file', ALWAYS[1])
  await report.check(`${name}: the entries are taken back from the file that it wrote`, async () => {
    const removed = await stand.window.remove(USER)
    demand(removed === servers.length, `${removed} of ${servers.length} were found`)
    const now = await claude('mcp', 'get', 'over-http')
    demand(/Connected/.test(now), now)
    const gone = await claude('mcp', 'get', 'everything').catch(String)
    demand(/No MCP server/.test(gone), gone)
  })
}

/** What a person says when Claude Code asks about the servers of a project's file. */
async function approve({ home, project }: Stand, servers: readonly string[]): Promise<void> {
  const file = path.join(home, '.claude.json')
  const text: { projects: Record<string, object> } = JSON.parse(await readFile(file, 'utf8'))
  text.projects[project] = { ...text.projects[project], hasTrustDialogAccepted: true, enabledMcpjsonServers: servers }
  await writeFile(file, JSON.stringify(text, undefined, 2))
}

function checkConnected(listed: string, server: string): void {
  const line = listed.split('\n').find((each) => each.startsWith(`${server}: `))
  demand(line !== undefined, `${server} is not in the list:\n${listed}`)
  demand(line.endsWith('✔ Connected'), line)
}
