import path from 'node:path'
import { run } from '../setup/run.mjs'
import { AppServer } from './appServer.ts'
import { type Call, EFFECTS, echo, textOfResult, type ToolResult } from './effects.ts'
import { demand, type Report } from './report.ts'
import { ALWAYS, type Stand } from './stand.ts'

const FILE = /^Codex$/
const TOKEN = 'COUNTERSIGN_TOKEN'

interface Status {
  readonly data: readonly { readonly name: string; readonly tools: Readonly<Record<string, unknown>> }[]
}

/** Codex without a login and without a model: its app-server lists and calls the tools of its servers. */
export async function checkCodex(stand: Stand, report: Report): Promise<void> {
  const { codex: installed } = stand.installed
  const name = `Codex ${installed.version}`
  if (installed.path === undefined) {
    report.skip(name, installed.missing ?? '')
    return
  }
  const program = path.join(installed.path, '@openai/codex/bin/codex.js')
  const { url, token } = await stand.endpoint('everything')
  const options = { cwd: stand.project, env: { ...process.env, [TOKEN]: token } }
  const codex = (...args: readonly string[]): Promise<string> =>
    run(process.execPath, [program, ...args], { ...options, timeout: 60_000 })

  const servers = [...ALWAYS, ...stand.more]
  await report.check(`${name}: is given its servers`, async () => {
    await codex('mcp', 'add', 'over-http', '--url', url, '--bearer-token-env-var', TOKEN)
    await codex('mcp', 'add', 'shim-alone', '--', ...stand.shim('codex', 'remote'))
    await stand.window.add(FILE, servers)
  })
  const appServer = new AppServer([process.execPath, program, 'app-server'], options)
  try {
    await report.check(`${name}: lists the tools of all of them`, async () => {
      await appServer.initialize()
      const { data } = await appServer.request<Status>('mcpServerStatus/list', {})
      const empty = ['over-http', 'shim-alone', ...servers].filter(
        (each) => Object.keys(data.find((status) => status.name === each)?.tools ?? {}).length === 0,
      )
      demand(empty.length === 0, `no tools of ${empty.join(', ')}`)
    })
    let threadId = ''
    await report.check(`${name}: begins a thread`, async () => {
      const { thread } = await appServer.request<{ thread: { id: string } }>('thread/start', {})
      threadId = thread.id
    })
    /** By the entry of the server's name, or by another one. */
    const by = (entry?: string): Call =>
      stand.counted(async (server, tool, args) => {
        const call = { threadId, server: entry ?? server, tool, arguments: args }
        return textOfResult(await appServer.request<ToolResult>('mcpServer/tool/call', call))
      })
    const calls = (what: string, work: () => Promise<void>): Promise<void> => report.check(`${name}: ${what}`, work)
    await calls('calls over loopback HTTP with a token', () => echo(by('over-http'), 'everything', 'codex'))
    await calls('calls through the shim alone', () => echo(by('shim-alone'), 'remote', 'codex'))
    for (const each of ALWAYS) await calls(`calls ${each} by its entry`, () => echo(by(), each, 'codex'))
    for (const each of stand.more)
      await calls(`uses ${each} by its entry`, async () => EFFECTS[each]?.(by(), 'codex', stand.places))
  } finally {
    await appServer.close()
  }
  await report.check(`${name}: the entries are taken back from the file that it wrote`, async () => {
    const removed = await stand.window.remove(FILE)
    demand(removed === servers.length, `${removed} of ${servers.length} were found`)
    const now = await codex('mcp', 'list')
    demand(now.includes('over-http') && now.includes('shim-alone') && !now.includes('thinking'), now)
  })
}
