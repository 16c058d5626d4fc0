import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { type Call, EFFECTS, echo, textOfResult } from './effects.ts'
import type { Report } from './report.ts'
import { ALWAYS, type Stand } from './stand.ts'

/** All servers with the SDK's client through the shim alone: also where no agent could be installed. */
export async function checkServers(stand: Stand, report: Report): Promise<void> {
  const { version, missing } = stand.installed.servers
  const uses = (server: string, work: (call: Call) => Promise<void>): Promise<void> =>
    report.check(`SDK's client: uses ${server} through the shim alone`, () => withClient(stand, server, work))
  for (const server of ALWAYS) await uses(server, (call) => echo(call, server, 'sdk'))
  for (const server of stand.more) await uses(server, async (call) => EFFECTS[server]?.(call, 'sdk', stand.places))
  if (missing !== undefined)
    report.skip(`server-filesystem, server-memory, server-sequential-thinking ${version}`, missing)
}

async function withClient(stand: Stand, server: string, work: (call: Call) => Promise<void>): Promise<void> {
  const client = new Client({ name: 'countersign-agents', version: '1' })
  const [command = '', ...args] = stand.shim('sdk', server)
  await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }))
  const call = stand.counted(async (_, name, input) =>
    textOfResult(JSON.parse(JSON.stringify(await client.callTool({ name, arguments: input })))),
  )
  try {
    await work(call)
  } finally {
    await client.close()
  }
}
