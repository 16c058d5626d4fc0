import { parseArgs } from 'node:util'
import { AGENT_NAME } from '../mcp/bridge/agentFolder.ts'
import { Bridge } from '../mcp/bridge/bridge.ts'
import { Tokens } from '../mcp/bridge/tokens.ts'
import { runStdioShim } from '../mcp/client/stdioShim.ts'
import { AgentRoute, type RouteOptions } from './agentRoute.ts'
import { type CliContext, untilAsked, usage } from './endpoint.ts'

const USAGE = `countersign connect --server NAME [--gateway NAME] [--agent NAME] [--http]
countersign connect --server NAME --config FILE [--http]
countersign connect --server NAME --config FILE --editor [--gateway NAME] [--agent NAME] [--http]
  Speaks MCP on standard input and output, for an agent that starts a command: through the editor that runs, with its
  session and key; alone with a configuration; or through the editor where one runs, and else alone.
  --gateway  the gateway of the editor's settings that has the server, where several have one of that name
  --agent    the name under which Add to Agent… allowed it, "agent" unless said
  --http     opens a loopback MCP endpoint instead and prints {"event":"listening","url":…,"token":…}`

/** What goes into the path of a request to the bridge. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

interface Arguments {
  readonly server: string
  readonly route: RouteOptions
  readonly http: boolean
}

/** `countersign connect`. Resolves to the exit code when it was asked to end, or the agent closed its end. */
export async function runConnect(argv: readonly string[], context: CliContext): Promise<number> {
  const given = readArguments(argv)
  if (given === 'help') {
    context.stdout(USAGE)
    return 0
  }
  const asked = untilAsked()
  const route = new AgentRoute(given.route, context)
  try {
    await route.begin()
    if (given.http) await serveHttp(given.server, route, asked, context)
    else await serveStdio(given.server, route, asked, context)
    return 0
  } finally {
    await route.close()
  }
}

async function serveStdio(server: string, route: AgentRoute, asked: Promise<void>, { log }: CliContext): Promise<void> {
  const ending = new AbortController()
  void asked.then(() => ending.abort())
  const { stdin: input, stdout: output } = process
  await runStdioShim({ connect: () => route.open(), server, input, output, signal: ending.signal, log })
}

async function serveHttp(server: string, route: AgentRoute, asked: Promise<void>, context: CliContext): Promise<void> {
  const tokens = new Tokens()
  const token = tokens.issue('connect')
  const routes = { has: (name: string) => name === server, open: () => route.open() }
  const bridge = new Bridge({ routes, tokens, log: context.log })
  const origin = await bridge.listen()
  context.stdout(JSON.stringify({ event: 'listening', url: `${origin}/mcp/${server}`, token }))
  await asked
  await bridge.close()
}

function readArguments(argv: readonly string[]): Arguments | 'help' {
  const options = {
    config: { type: 'string' },
    server: { type: 'string' },
    editor: { type: 'boolean' },
    gateway: { type: 'string' },
    agent: { type: 'string' },
    http: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    if (values.help === true) return 'help'
    const { config, server, gateway, agent } = values
    if (server === undefined) throw usage('Say which server: --server NAME.')
    const byEditor = values.editor === true || config === undefined
    if (!byEditor && (gateway !== undefined || agent !== undefined))
      throw usage('--gateway and --agent are for the editor. Say --editor as well.')
    const editor = byEditor ? wanted(server, gateway, agent) : undefined
    return { server, route: { editor, config }, http: values.http === true }
  } catch (thrown) {
    throw usage(thrown instanceof Error ? thrown.message : 'The arguments cannot be read.')
  }
}

function wanted(server: string, gateway: string | undefined, agent = 'agent'): NonNullable<RouteOptions['editor']> {
  if (!NAME.test(server)) throw usage('The name of a server has 1 to 64 letters, digits, ".", "_" or "-".')
  if (gateway !== undefined && !NAME.test(gateway)) throw usage('That is no name of a gateway.')
  if (!AGENT_NAME.test(agent)) throw usage('The name of an agent has 1 to 32 lower-case letters, digits or "-".')
  return gateway === undefined ? { server, agent } : { server, gateway, agent }
}
