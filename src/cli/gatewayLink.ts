import type { ConnectConfig } from '../contracts/gatewayConfig.ts'
import { DEFAULT_SUITES } from '../crypto/suite.ts'
import { ExchangeClient } from '../mcp/exchange/client.ts'
import type { Session } from '../session/api.ts'
import type { Carrier } from '../session/carrier/carrier.ts'
import { spawnCarrier } from '../session/carrier/spawn.ts'
import { connectWebSocket } from '../session/carrier/webSocket.ts'
import { connectSession } from '../session/client.ts'
import { type FirstUse, GatewayPins, type GatewayTrust, type PinPolicy, shownAddress } from '../trust/gatewayPins.ts'
import type { CliContext, Endpoint } from './endpoint.ts'

/** The session to the configured gateway: opened when a call needs it, and again after it was lost. */
export class GatewayLink {
  private readonly config: ConnectConfig
  private readonly endpoint: Endpoint
  private readonly context: CliContext
  private current: Promise<{ readonly session: Session; readonly exchanges: ExchangeClient }> | undefined
  private closed = false

  constructor(config: ConnectConfig, endpoint: Endpoint, context: CliContext) {
    this.config = config
    this.endpoint = endpoint
    this.context = context
  }

  /** A session is there, or is being made. */
  get inUse(): boolean {
    return this.current !== undefined
  }

  async open(): Promise<ExchangeClient> {
    this.current ??= this.connect()
    return (await this.current).exchanges
  }

  async close(): Promise<void> {
    this.closed = true
    const current = await this.current?.catch(() => undefined)
    await current?.session.close()
  }

  private async connect(): Promise<{ session: Session; exchanges: ExchangeClient }> {
    try {
      const session = await openGatewaySession(this.config, this.endpoint, this.context)
      const { peer, suite } = session
      this.context.log.log('info', 'a session began', { gateway: peer.name, custody: peer.custody, suite })
      void session.closed.then((reason) => {
        this.current = undefined
        this.context.log.log('info', 'a session ended', { gateway: peer.name, reason: reason?.message })
      })
      if (this.closed) await session.close()
      return { session, exchanges: new ExchangeClient(session, this.context.log) }
    } catch (thrown) {
      // The next call tries again: a gateway that was down for a moment must not need a restart of the agent.
      this.current = undefined
      throw thrown
    }
  }
}

/** One session with the gateway of a configuration. @throws CountersignError as `connectSession` */
export async function openGatewaySession(
  config: ConnectConfig,
  endpoint: Endpoint,
  context: CliContext,
): Promise<Session> {
  // A gateway that is a command of ours ends with its carrier: there is nothing to come back to.
  const resumable = typeof config.gateway === 'string'
  const carrier = (): Promise<Carrier> => openCarrier(config, context)
  const trust = trustOf(config, endpoint, context)
  return await connectSession({ ...endpoint.ports, carrier, resumable, suites: DEFAULT_SUITES, trust })
}

function trustOf(config: ConnectConfig, endpoint: Endpoint, context: CliContext): GatewayTrust {
  const pins = new GatewayPins(endpoint.path(config.state), endpoint.ports.clock)
  const policy: PinPolicy = config.pin === 'first-use' ? firstUse(config, context) : { kind: 'kid', kid: config.pin }
  return pins.trust(addressOf(config), policy)
}

/**
 * There is nobody to ask here: who writes "first-use" has agreed, and is told what was pinned. That is no agreement to
 * whatever key comes later, even one that the first key signed for.
 */
function firstUse(config: ConnectConfig, context: CliContext): PinPolicy {
  const ask = async ({ kid, name, address, rotation }: FirstUse): Promise<boolean> => {
    const gateway = `gateway ${JSON.stringify(name)} at ${shownAddress(address)}`
    if (rotation === undefined) {
      context.stderr(`countersign: pinned ${gateway} on first use: ${kid}`)
      return true
    }
    const accepted = config.rotation === 'accept'
    const what = `${gateway} has replaced its key ${rotation.from}, which signed for the new one: ${kid}`
    context.stderr(
      `countersign: ${accepted ? 'pin moved: ' : ''}${what}${accepted ? '' : '. Not accepted: "rotation" is "refuse".'}`,
    )
    return accepted
  }
  return { kind: 'first-use', ask }
}

function openCarrier({ gateway }: ConnectConfig, { log }: CliContext): Promise<Carrier> {
  if (typeof gateway === 'string') return connectWebSocket(gateway)
  // For the same person as our own log, but not as it comes: it may be another machine's, and a terminal would obey it.
  const say = (line: string): void => log.log('info', 'the gateway says', { line })
  return spawnCarrier({ ...gateway, onStderr: (chunk) => chunk.toString('utf8').trim().split('\n').forEach(say) })
}

/** What a pin is kept under: the same gateway under another command line is another gateway. */
function addressOf({ gateway }: ConnectConfig): string {
  return typeof gateway === 'string' ? gateway : JSON.stringify([gateway.command, ...gateway.args])
}
