import { expect } from 'vitest'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { EvidenceVerifier } from '../../../src/evidence/verifier.ts'
import type { BatchSigner } from '../../../src/keys/batchSigner.ts'
import type { Signer } from '../../../src/keys/signer.ts'
import type { Session } from '../../../src/session/api.ts'
import { connectSession } from '../../../src/session/client.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { accept, Party } from '../../fakes/party.ts'
import { Line, Work } from '../../fakes/worldCalls.ts'

/** A real session from an editor, whose key is the one under test, to a gateway that serves calls. */
export class Calls {
  readonly client: Session
  readonly host: Party
  readonly line: Line
  readonly work: Work
  private readonly journal: EvidenceEntry[]
  private readonly signer: Signer

  private constructor(client: Session, host: Party, work: Work, journal: EvidenceEntry[], signer: Signer) {
    this.client = client
    this.host = host
    this.line = new Line(client)
    this.work = work
    this.journal = journal
    this.signer = signer
  }

  static async begin(signer: Signer, batches: BatchSigner): Promise<Calls> {
    const host = await Party.create(2, 'host')
    const journal: EvidenceEntry[] = []
    const work = new Work()
    const carriers = MemoryCarrier.pair()
    const accepted = accept(host, carriers[1])
    const client = await connectSession({
      identity: { signer, batches, name: 'editor' },
      sink: { append: async (entry) => void journal.push(entry) },
      observer: {},
      clock: systemClock,
      log: { log: () => {} },
      carrier: carriers[0],
      suites: DEFAULT_SUITES,
      trust: { checkGateway: async () => 'accept' },
    })
    work.serve(await accepted)
    return new Calls(client, host, work, journal, signer)
  }

  /** Calls that begin in the same turn of the event loop; each settles, whatever happens. */
  async make(count: number): Promise<string[]> {
    const first = this.line.calls.length
    const plans = Array.from({ length: count }, (_, n) => ({
      id: `${first + n}`,
      request: 100,
      answer: 50,
      events: 0,
      work: 0,
    }))
    await Promise.all(plans.map((plan) => this.line.call(plan)))
    const calls = this.line.calls.slice(first)
    await Promise.all(calls.map(({ settled }) => settled))
    return calls.flatMap(({ outcomes }) => outcomes)
  }

  /**
   * What holds after every fault: each call has one outcome, the gateway executed those that succeeded and no other, it was
   * never shown anything that does not verify, and all that it took has evidence that holds by itself.
   */
  async check(): Promise<void> {
    const { calls } = this.line
    expect(calls.map(({ outcomes }) => outcomes.length)).toEqual(calls.map(() => 1))
    const answered = calls.filter(({ outcomes }) => outcomes[0] === 'answered').map(({ plan }) => plan.id)
    expect([...this.work.executed.keys()].sort()).toEqual([...answered].sort())
    expect([...this.work.executed.values()].every((times) => times === 1)).toBe(true)
    expect(this.host.rejections).toEqual([])
    const verifier = new EvidenceVerifier()
    const received = this.host.journal.filter(({ how }) => how === 'received')
    expect(received).toHaveLength(answered.length)
    expect(this.journal.filter(({ how }) => how === 'sent')).toHaveLength(answered.length)
    for (const entry of received) {
      expect(Buffer.compare(entry.signer.publicKey, this.signer.publicKey)).toBe(0)
      expect(await verifier.verify(entry)).toMatchObject({ ok: true })
    }
  }

  async close(): Promise<void> {
    await this.client.close()
  }
}
