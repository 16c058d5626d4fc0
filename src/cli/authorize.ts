import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readConfig } from '../contracts/configFile.ts'
import { gatewayConfig, type GatewayConfig } from '../contracts/gatewayConfig.ts'
import { checkHttpUpstream } from '../mcp/upstream/config.ts'
import { Connections } from '../mcp/upstream/connections.ts'
import { authorize } from '../mcp/upstream/oauth/authorize.ts'
import { encodeGrant } from '../mcp/upstream/oauth/grantFile.ts'
import { Redirect } from '../mcp/upstream/oauth/redirect.ts'
import { systemClock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import { type CliContext, usage } from './endpoint.ts'
import { grantFile, type HttpServer, httpUpstreamOf } from './httpServers.ts'
import { printable, printableJson } from './printable.ts'

const USAGE = `countersign authorize --config FILE --server NAME
  Lets a gateway use an HTTP server that asks for OAuth: prints an address, waits until you have agreed there in a browser, and
  keeps the tokens in the gateway's state folder. All clients of the gateway then use the server in your name. A running gateway
  sees the tokens by itself; to take them away, remove the file that is named at the end, and revoke them where you gave them.
  The browser has to reach this machine's loopback. From elsewhere: set "port" in the server's "oauth" and ssh -L PORT:127.0.0.1:PORT`

const MINUTES = 10

/** `countersign authorize`. @returns the exit code */
export async function runAuthorize(argv: readonly string[], context: CliContext): Promise<number> {
  const { file, server, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const config = await readConfig(file, gatewayConfig)
  const folder = dirname(resolve(file))
  const entry = httpServer(config, server)
  const upstream = await httpUpstreamOf(folder, server, entry, config.proxy)
  const url = checkHttpUpstream(server, upstream)
  const connections = new Connections(upstream)
  const redirect = await Redirect.listen(entry.oauth?.port)
  const late = new AbortController()
  try {
    const show = (address: URL, issuer: string): void => {
      context.stdout(
        `${server} asks for the agreement of ${printable(issuer, 200)}. Open this within ${MINUTES} minutes:`,
      )
      context.stdout(`  ${address.href}`)
    }
    const client = entry.oauth ?? {}
    const flow = authorize({ url, connections, redirect, client, show, now: () => systemClock.now() })
    const grant = await Promise.race([flow, tooLate(late.signal)])
    const kept = grantFile(resolve(folder, config.state), server)
    await kept.write(encodeGrant(grant))
    const scope = grant.scope === undefined || grant.scope === '' ? '' : ` for ${printableJson(grant.scope)}`
    context.stdout(`${server} is authorized${scope}. The tokens are in ${kept.path}`)
    return 0
  } finally {
    late.abort()
    redirect.close()
    connections.close()
  }
}

function httpServer({ servers }: GatewayConfig, name: string): HttpServer {
  const entry = Object.hasOwn(servers, name) ? servers[name] : undefined
  if (entry === undefined)
    throw new CountersignError('server-unknown', `The configuration has no server ${printable(name)}.`)
  if (!('url' in entry)) throw usage(`${name} is a command: it has its credentials from its environment.`)
  return entry
}

async function tooLate(signal: AbortSignal): Promise<never> {
  await sleep(MINUTES * 60_000, undefined, { signal }).catch(() => {})
  throw new CountersignError('unauthorized', `Nobody agreed within ${MINUTES} minutes. Nothing was kept.`)
}

function readArguments(argv: readonly string[]): { file: string; server: string; help: boolean } {
  const options = { config: { type: 'string' }, server: { type: 'string' }, help: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    const { config: file = '', server = '', help = false } = values
    if (!help && file === '') throw usage('Say which configuration: --config FILE.')
    if (!help && server === '') throw usage('Say which server: --server NAME.')
    return { file, server, help }
  } catch (thrown) {
    throw usage(thrown instanceof Error ? thrown.message : 'The arguments cannot be read.')
  }
}
