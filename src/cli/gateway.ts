import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../contracts/configFile.ts'
import { gatewayConfig, type GatewayConfig } from '../contracts/gatewayConfig.ts'
import { DEFAULT_SUITES } from '../crypto/suite.ts'
import { ExchangeServer } from '../mcp/exchange/gateway.ts'
import { Upstreams } from '../mcp/upstream/upstreams.ts'
import type { Session } from '../session/api.ts'
import { StreamCarrier } from '../session/carrier/stdio.ts'
import { acceptSession, type AcceptOptions, GatewayListener } from '../session/gateway.ts'
import type { LegsPort } from '../session/ports.ts'
import { ClientRegistry } from '../trust/clientRegistry.ts'
import { readOwnTransition } from './identityFile.ts'
import { type CliContext, type Endpoint, openEndpoint, untilAsked, usage } from './endpoint.ts'
import { grantFile, upstreamsOf } from './httpServers.ts'

const USAGE = `countersign gateway --config FILE [--stdio]
  Stands in front of MCP servers. When ready it prints {"event":"listening","url":…,"kid":…}.
  --stdio  serves one session on standard input and output instead, for "ssh host countersign gateway --stdio"`

/** `countersign gateway`. Resolves to the exit code when it was asked to end, or its one session is over. */
export async function runGateway(argv: readonly string[], context: CliContext): Promise<number> {
  const { file, stdio, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const config = await readConfig(file, gatewayConfig)
  const upstreams = await openUpstreams(file, config, context)
  const endpoint = await openEndpoint(file, config, context)
  try {
    const options = await acceptOptions(config, endpoint, upstreams, context)
    await (stdio ? serveStdio(options, upstreams, context) : serveSocket(config, endpoint, options, upstreams, context))
    return 0
  } finally {
    await upstreams.close()
    await endpoint.close()
  }
}

async function openUpstreams(file: string, config: GatewayConfig, { log }: CliContext): Promise<Upstreams> {
  const state = resolve(dirname(resolve(file)), config.state)
  return new Upstreams(await upstreamsOf(file, config), log, (server) => grantFile(state, server))
}

async function acceptOptions(
  config: GatewayConfig,
  endpoint: Endpoint,
  legs: LegsPort,
  { log }: CliContext,
): Promise<AcceptOptions> {
  const { state, clients, suites = DEFAULT_SUITES, transition, rotation, rotationGrace } = config
  const { ports, kid } = endpoint
  const policy = { rotation, grace: rotationGrace * 3_600_000 }
  const registry = new ClientRegistry(endpoint.path(state), clients, ports.clock, log, policy)
  return {
    ...ports,
    suites,
    clients: registry,
    transitions: registry,
    legs,
    ...(transition !== undefined && { transition: await readOwnTransition(endpoint.path(transition), kid) }),
  }
}

async function serveSocket(
  config: GatewayConfig,
  { kid }: Endpoint,
  options: AcceptOptions,
  upstreams: Upstreams,
  context: CliContext,
): Promise<void> {
  const asked = untilAsked()
  const listener = await GatewayListener.listen({
    ...options,
    listen: config.listen,
    allowNetwork: config.public,
    handshakes: config.handshakes,
    sessionLimits: config.sessions,
    onSession: (session) => serve(session, upstreams, context),
  })
  context.stdout(JSON.stringify({ event: 'listening', url: listener.url, kid }))
  await asked
  await listener.close()
}

async function serveStdio(options: AcceptOptions, upstreams: Upstreams, context: CliContext): Promise<void> {
  // Whoever started this process is on the other end of its pipes: as near as loopback.
  const carrier = new StreamCarrier(process.stdin, process.stdout, 'standard input', true)
  const session = await acceptSession({ ...options, carrier })
  serve(session, upstreams, context)
  await Promise.race([session.closed, untilAsked()])
  await session.close()
}

function serve(session: Session, upstreams: Upstreams, { log }: CliContext): void {
  const { peer, suite, sid } = session
  log.log('info', 'a session began', { client: peer.name, custody: peer.custody, suite })
  // Lives as long as the session, whose receiver it is.
  void new ExchangeServer(session, upstreams.handle, log)
  void session.closed.then((reason) => {
    log.log('info', 'a session ended', { client: peer.name, reason: reason?.message })
    upstreams.sessionEnded(sid)
  })
}

function readArguments(argv: readonly string[]): { file: string; stdio: boolean; help: boolean } {
  const options = { config: { type: 'string' }, stdio: { type: 'boolean' }, help: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    const help = values.help === true
    if (values.config === undefined && !help) throw usage('Say which configuration: --config FILE.')
    return { file: values.config ?? '', stdio: values.stdio === true, help }
  } catch (thrown) {
    throw usage(thrown instanceof Error ? thrown.message : 'The arguments cannot be read.')
  }
}
