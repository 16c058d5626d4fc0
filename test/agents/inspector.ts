import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from '../setup/run.mjs'
import { type Call, EFFECTS, echo, textOfResult, type ToolResult } from './effects.ts'
import { demand, type Report } from './report.ts'
import type { Stand } from './stand.ts'

const LIMIT = 120_000

interface Printed {
  readonly result: ToolResult & { readonly tools?: readonly { readonly name: string }[] }
}

/** The MCP Inspector's CLI, which lists and calls with one command each. It reads the files of agents that keep `mcpServers`. */
export async function checkInspector(stand: Stand, report: Report): Promise<void> {
  const { node, inspector: installed } = stand.installed
  const name = `MCP Inspector ${installed.version}`
  if (installed.path === undefined || node.path === undefined) {
    report.skip(name, installed.missing ?? `Node ${node.missing ?? ''}`)
    return
  }
  const program = path.join(installed.path, '@modelcontextprotocol/inspector/clients/launcher/build/index.js')
  // Never the owner's keychain.
  const options = { cwd: stand.project, env: { ...process.env, MCP_INSPECTOR_SECRET_STORE: 'memory' }, timeout: LIMIT }
  const inspect = async (from: readonly string[], ...method: readonly string[]): Promise<Printed['result']> => {
    const args = [program, '--cli', '--format', 'json', '--quiet', '--method', ...method, ...from]
    const printed: Printed = JSON.parse(await run(node.path ?? '', args, options))
    return printed.result
  }
  /** `from`: where to find a server, as arguments. */
  const caller = (from: (server: string) => readonly string[]): Call =>
    stand.counted(async (server, tool, args) => {
      const input = ['--tool-name', tool, '--tool-args-json', JSON.stringify(args)]
      return textOfResult(await inspect(from(server), 'tools/call', ...input))
    })
  const listsAndCalls = (what: string, server: string, from: (server: string) => readonly string[]): Promise<void> =>
    report.check(`${name}: lists and calls ${what}`, async () => {
      const { tools = [] } = await inspect(from(server), 'tools/list')
      demand(
        tools.some((tool) => tool.name === 'echo'),
        `listed ${tools.map((tool) => tool.name).join(', ')}`,
      )
      await echo(caller(from), server, 'inspector')
    })

  const http = path.join(stand.home, 'inspector.json')
  const endpoints = await Promise.all(['everything', ...stand.more].map((each) => overHttp(stand, each)))
  await writeFile(http, JSON.stringify({ mcpServers: Object.fromEntries(endpoints) }), { mode: 0o600 })
  const configured = (file: string) => (server: string) => ['--config', file, '--server', server]
  await listsAndCalls('over loopback HTTP with a token', 'everything', configured(http))
  await listsAndCalls('through the shim alone', 'remote', (server) => ['--', ...stand.shim('inspector', server)])
  for (const label of [/^Cursor, user$/, /^Claude Desktop$/]) {
    await stand.window.add(label, ['everything'])
    const file = stand.window.path(label)
    await listsAndCalls(
      `by the entry in ${path.basename(path.dirname(file))}/${path.basename(file)}`,
      'everything',
      configured(file),
    )
  }
  for (const each of stand.more) {
    const call = caller(configured(http))
    await report.check(`${name}: uses ${each} over loopback HTTP`, async () =>
      EFFECTS[each]?.(call, 'inspector', stand.places),
    )
  }
}

async function overHttp(stand: Stand, server: string): Promise<[string, object]> {
  const { url, token } = await stand.endpoint(server)
  return [server, { type: 'http', url, headers: { Authorization: `Bearer ${token}` } }]
}
