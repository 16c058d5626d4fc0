import { join } from 'node:path'
import { DEFAULT_SUITES } from '../../crypto/suite.ts'
import { Journal } from '../../evidence/journal/journal.ts'
import type { EvidenceSink } from '../../evidence/types.ts'
import { BatchSigner } from '../../keys/batchSigner.ts'
import { openIdentity } from '../../keys/hsm/openIdentity.ts'
import type { Signer } from '../../keys/signer.ts'
import type { VaultIdentity } from '../../contracts/identityConfig.ts'
import type { SignatureAlgorithm } from '../../crypto/signature.ts'
import type { Rejection } from '../../session/api.ts'
import { connectWebSocket } from '../../session/carrier/webSocket.ts'
import { LiveSession } from '../../session/liveSession.ts'
import { openConnection } from '../../session/openConnection.ts'
import { systemClock } from '../../support/clock.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { Log } from '../../support/log.ts'
import { GatewayPins } from '../../trust/gatewayPins.ts'
import type { TrialGateway } from './gateway.ts'
import type { Tap } from './tap.ts'
import { Talk } from './talk.ts'

export interface StandPorts {
  readonly keyProcess: string
  /** Its own, and empty: removed with everything in it when the trial is over. */
  readonly folder: string
  readonly log: Log
}

/** A key of the trial's own, in a vault and a key process of its own. */
export interface TrialKey extends Disposable {
  readonly signer: Signer
  readonly batches: BatchSigner
  closed(): Promise<void>
}

/** The editor's end of the trial, and what the attackers have. Nothing in it is shared with the editor's real sessions. */
export class Stand {
  readonly gateway: TrialGateway
  readonly own: TrialKey
  /** A key that nobody pinned or enrolled: what an attacker can always make. */
  readonly strange: TrialKey
  /** The same key as the gateway's, for the attacker who is the gateway. */
  readonly gatewayKey: () => Promise<TrialKey>
  readonly log: Log
  private readonly ports: StandPorts
  private readonly journals: Journal[] = []
  private readonly keys: TrialKey[]

  private constructor(ports: StandPorts, gateway: TrialGateway, own: TrialKey, strange: TrialKey) {
    this.ports = ports
    this.log = ports.log
    this.gateway = gateway
    this.own = own
    this.strange = strange
    this.keys = [own, strange]
    let opened: Promise<TrialKey> | undefined
    this.gatewayKey = () => {
      opened ??= this.open(gateway.key)
      return opened
    }
  }

  static async open(ports: StandPorts, gateway: TrialGateway): Promise<Stand> {
    const made = await Promise.allSettled(['editor', 'attacker'].map((name) => makeKey(ports, name)))
    const keys = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [own, strange] = keys
    if (own !== undefined && strange !== undefined) return new Stand(ports, gateway, own, strange)
    for (const key of keys) await release(key)
    throw made.find((one) => one.status === 'rejected')?.reason
  }

  async journal(name: string): Promise<Journal> {
    const journal = await Journal.open({ folder: join(this.ports.folder, name), log: this.log })
    this.journals.push(journal)
    return journal
  }

  /**
   * A real session with the gateway, with somebody in it.
   * @throws what a connection fails with; then the handshake was refused, here or there
   */
  async talk(tap: Tap, sink: EvidenceSink, url: string, signal: AbortSignal): Promise<Talk> {
    const { own, gateway, log } = this
    let rejection: Rejection | undefined
    const ports = {
      identity: { signer: own.signer, batches: tap.batches(own.batches), name: 'Countersign trial' },
      sink,
      observer: { rejected: (one: Rejection) => (rejection ??= one) },
      clock: systemClock,
      log,
    }
    // The pin of every other connection of this editor is somewhere else.
    const pins = new GatewayPins(join(this.ports.folder, 'pins'), systemClock)
    const trust = pins.trust(gateway.url, { kind: 'kid', kid: gateway.kid })
    const carrier = async () => tap.carrier(await connectWebSocket(url, signal))
    const { opened } = await openConnection({ ...ports, carrier, suites: DEFAULT_SUITES, trust, signal })
    tap.channel(opened.channel)
    const session = new LiveSession('client', opened.established, ports)
    session.attach(opened)
    return new Talk(session, () => rejection, log)
  }

  /** Ends everything that it opened. */
  async close(): Promise<void> {
    for (const journal of this.journals) await journal.close()
    for (const key of this.keys) await release(key)
  }

  private async open(identity: VaultIdentity): Promise<TrialKey> {
    const key = await openKey(this.ports, identity)
    this.keys.push(key)
    return key
  }
}

async function makeKey(ports: StandPorts, name: string): Promise<TrialKey> {
  const at = (ending: string): string => join(ports.folder, `${name}.${ending}`)
  return await openKey(ports, { vault: at('vault'), keyFile: at('key') }, 'ML-DSA-87')
}

async function openKey(ports: StandPorts, vault: VaultIdentity, create?: SignatureAlgorithm): Promise<TrialKey> {
  const { keyProcess: keyProcessPath, log } = ports
  const opened = await openIdentity(vault, { keyProcessPath, log, ...(create !== undefined && { create }) })
  const batches = new BatchSigner(opened.signer)
  return {
    signer: opened.signer,
    batches,
    dispose: () => {
      batches.dispose()
      opened.dispose()
    },
    closed: () => opened.closed(),
  }
}

async function release(key: TrialKey): Promise<void> {
  key.dispose()
  await key.closed()
}
