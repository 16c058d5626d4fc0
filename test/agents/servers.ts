import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { EFFECTS, textOfResult } from './effects.ts'
import type { Report } from './report.ts'
import type { Stand } from './stand.ts'

/** The servers of npm with the SDK's client through the shim alone: also where no agent could be installed. */
export async function checkServers(stand: Stand, report: Report): Promise<void> {
  const { version, missing } = stand.installed.servers
  if (missing !== undefined) {
    report.skip(`server-filesystem, server-memory, server-sequential-thinking ${version}`, missing)
    return
  }
  for (const server of stand.more) {
    await report.check(`SDK's client: uses ${server} ${version} through the shim alone`, async () => {
      const client = new Client({ name: 'countersign-agents', version: '1' })
      const [command = '', ...args] = stand.shim('sdk', server)
      await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }))
      const call = stand.counted(async (_, name, input) =>
        textOfResult(JSON.parse(JSON.stringify(await client.callTool({ name, arguments: input })))),
      )
      try {
        await EFFECTS[server]?.(call, 'sdk', stand.places)
      } finally {
        await client.close()
      }
    })
  }
}
