import type { GatewaySetting, Settings } from '../../contracts/settings.ts'
import type { EvidenceSink } from '../../evidence/types.ts'
import { ExchangeClient } from '../../mcp/exchange/client.ts'
import type { PeerIdentity } from '../../session/api.ts'
import type { Carrier } from '../../session/carrier/carrier.ts'
import { spawnCarrier } from '../../session/carrier/spawn.ts'
import { connectWebSocket } from '../../session/carrier/webSocket.ts'
import { connectSession } from '../../session/client.ts'
import type { Acceptance, TrustPort } from '../../session/ports.ts'
import type { FirstUse, GatewayPins } from '../../trust/gatewayPins.ts'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import { SessionRecorder } from '../evidence/sessionRecorder.ts'
import type { SigningIdentity } from '../identity/signingIdentity.ts'
import { addressOf } from './address.ts'
import type { GatewayLink } from './gatewayLink.ts'

export interface OpenLinkPorts {
  /** @throws CountersignError `config-invalid` */
  readonly settings: () => Settings
  readonly identity: SigningIdentity
  readonly pins: GatewayPins
  /** Asks the person about a gateway that was never seen. */
  readonly ask: (gateway: GatewaySetting, question: FirstUse & PeerIdentity) => Promise<boolean>
  /** Every key that a gateway proved, before it is accepted or refused: what the panel shows of one that was refused. */
  readonly offered: (gateway: string, peer: PeerIdentity) => void
  /** A gateway said how it reaches its servers. */
  readonly legsChanged: () => void
  readonly journal: () => Promise<EvidenceSink>
  /** What the command of a gateway is given beside the usual variables. */
  readonly environment: (gateway: GatewaySetting) => Promise<Readonly<Record<string, string>>>
  readonly contexts: ContextStore
  readonly clock: Clock
  readonly log: Log
}

/** One attempt to open a session: key, carrier, handshake, trust. What it needs is made here and nowhere else. */
export async function openLink(
  ports: OpenLinkPorts,
  setting: GatewaySetting,
  signal: AbortSignal,
): Promise<GatewayLink> {
  const { log, clock, contexts } = ports
  const { suites, clientName } = ports.settings()
  const identity = await ports.identity.get({ asked: false })
  const sink = await ports.journal()
  const { signer, batches } = identity
  const recorder = new SessionRecorder(contexts, setting.name, signer, ports.legsChanged)
  const address = addressOf(setting)
  const session = await connectSession({
    carrier: () => openCarrier(ports, setting, signal),
    // A gateway that is a command of ours ends with its carrier: there is nothing to come back to.
    resumable: setting.route.kind === 'websocket',
    identity: { signer, batches, name: clientName },
    suites,
    trust: { checkGateway: (...proven) => check(ports, setting, address, recorder, ...proven) },
    sink,
    observer: recorder,
    clock,
    log,
    signal,
  })
  void session.closed.then(() => recorder.ended())
  const exchanges = new ExchangeClient(session, log)
  const { closed } = session
  const { onInterrupted } = recorder
  return { session, exchanges, recorder, address, closed, onInterrupted, close: () => session.close() }
}

async function check(
  { pins, ask, offered }: OpenLinkPorts,
  setting: GatewaySetting,
  address: string,
  recorder: SessionRecorder,
  ...[peer, transition]: Parameters<TrustPort['checkGateway']>
): Promise<Acceptance> {
  offered(setting.name, peer)
  const policy =
    setting.pin === 'first-use'
      ? { kind: 'first-use' as const, ask: (question: FirstUse) => ask(setting, { ...peer, ...question }) }
      : { kind: 'kid' as const, kid: setting.pin }
  const answer = await pins.trust(address, policy).checkGateway(peer, transition)
  recorder.peer = peer
  return answer
}

async function openCarrier(
  { environment, log }: OpenLinkPorts,
  setting: GatewaySetting,
  signal: AbortSignal,
): Promise<Carrier> {
  const { route, name } = setting
  if (route.kind === 'websocket') return await connectWebSocket(route.url, signal)
  return await spawnCarrier({
    ...route,
    env: await environment(setting),
    signal,
    // The command is the person's own, and its complaints are what they need when it does not work.
    onStderr: (chunk) => log.log('info', `gateway ${name} says`, { text: chunk.toString('utf8').trim() }),
  })
}
