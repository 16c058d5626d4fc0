import { connectSession, type ConnectOptions } from '../../src/session/client.ts'
import { acceptSession, type AcceptOptions } from '../../src/session/gateway.ts'
import { DEFAULT_SUITES } from '../../src/crypto/suite.ts'
import type { SignatureAlgorithm } from '../../src/crypto/signature.ts'
import type { EvidenceEntry } from '../../src/evidence/types.ts'
import { BatchSigner } from '../../src/keys/batchSigner.ts'
import type {
  ConnectionEvent,
  EpochReport,
  HandshakeReport,
  Rejection,
  Session,
  UpstreamLeg,
  VerifiedContext,
} from '../../src/session/api.ts'
import type { Carrier } from '../../src/session/carrier/carrier.ts'
import type { SessionPorts } from '../../src/session/liveSession.ts'
import { systemClock } from '../../src/support/clock.ts'
import type { LogField, LogLevel } from '../../src/support/log.ts'
import { MemoryCarrier } from './memoryCarrier.ts'
import { SeedSigner } from './seedSigner.ts'

/** One end of a session with everything that it was told, kept for assertions. */
export class Party {
  readonly signer: SeedSigner
  readonly batches: BatchSigner
  readonly journal: EvidenceEntry[] = []
  readonly reports: HandshakeReport[] = []
  readonly rejections: Rejection[] = []
  readonly settled: string[] = []
  readonly lines: string[] = []
  readonly received: VerifiedContext[] = []
  readonly epochs: EpochReport[] = []
  readonly connections: ConnectionEvent[] = []
  readonly told: (readonly UpstreamLeg[] | undefined)[] = []
  readonly ports: SessionPorts

  private constructor(signer: SeedSigner, name: string) {
    this.signer = signer
    this.batches = new BatchSigner(signer)
    this.ports = {
      identity: { signer, batches: this.batches, name },
      sink: {
        append: async (entry) => {
          this.journal.push(entry)
        },
      },
      observer: {
        handshake: (report) => this.reports.push(report),
        epoch: (report) => this.epochs.push(report),
        connection: (event) => this.connections.push(event),
        settled: (_ref, outcome) => this.settled.push(outcome),
        rejected: (rejection) => this.rejections.push(rejection),
        legs: (told) => this.told.push(told),
      },
      clock: systemClock,
      log: {
        log: (level: LogLevel, message: string, fields: Readonly<Record<string, LogField>> = {}) =>
          this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
      },
    }
  }

  static async create(seed: number, name: string, algorithm: SignatureAlgorithm = 'ML-DSA-87'): Promise<Party> {
    return new Party(await SeedSigner.create(seed, algorithm), name)
  }

  /** Keeps what a session receives. */
  keep(session: Session): void {
    session.receive((context) => void this.received.push(context))
  }
}

export type ConnectChanges = Partial<ConnectOptions>
export type AcceptChanges = Partial<AcceptOptions>

export function connect(
  party: Party,
  carrier: ConnectOptions['carrier'],
  changes: ConnectChanges = {},
): Promise<Session> {
  const trust = { checkGateway: async () => 'accept' as const }
  return connectSession({ ...party.ports, carrier, suites: DEFAULT_SUITES, trust, ...changes })
}

export function accept(party: Party, carrier: Carrier, changes: AcceptChanges = {}): Promise<Session> {
  const clients = { checkClient: async () => 'accept' as const }
  return acceptSession({ ...party.ports, carrier, suites: DEFAULT_SUITES, clients, ...changes })
}

export interface Pair {
  readonly client: Session
  readonly gateway: Session
  readonly carriers: readonly [MemoryCarrier, MemoryCarrier]
}

/** A session over memory between two parties. */
export async function join(
  client: Party,
  gateway: Party,
  changes: ConnectChanges = {},
  theirs: AcceptChanges = {},
): Promise<Pair> {
  const carriers = MemoryCarrier.pair()
  const [one, two] = await Promise.all([connect(client, carriers[0], changes), accept(gateway, carriers[1], theirs)])
  return { client: one, gateway: two, carriers }
}
