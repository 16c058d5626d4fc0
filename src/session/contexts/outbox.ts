import { plain } from '../../crypto/encoding.ts'
import type { EvidenceEntry, EvidenceSink, VerificationKey } from '../../evidence/types.ts'
import type { SignedBatch } from '../../keys/batching.ts'
import { toCountersignError } from '../../support/errors.ts'
import { MAX_PLAINTEXT, RECORD } from '../channel/record.ts'
import { type BatchEntry, encodeBatch, entrySize } from './messages.ts'
import type { Outgoing } from './outgoing.ts'
import type { SendLink } from './sendLink.ts'

export interface Signed {
  readonly item: Outgoing
  readonly batch: SignedBatch
  readonly index: number
  /** It was handed to a carrier, or the peer has it. Called again for each time that it is sent again. */
  sent(): void
  failed(error: Error): void
}

export interface OutboxOptions {
  readonly sink: EvidenceSink
  readonly signer: VerificationKey
  readonly now: () => number
  readonly evidence: (entry: EvidenceEntry) => void
}

/**
 * Signed statements on their way to the journal and then to the peer, strictly in the order in which they were signed. What
 * the peer holds signed by this key is in this end's journal first: nobody can show us a signature that we know nothing of.
 * They are kept until the peer acknowledged them, and sent again as they are where a connection was lost meanwhile.
 */
export class Outbox {
  private readonly options: OutboxOptions
  /** Signed, and not yet in the journal. */
  private readonly waiting: Signed[] = []
  /** In the journal, and not yet acknowledged; the sender bounds how many. */
  private readonly kept: Signed[] = []
  /** How many of `kept` left on this connection. */
  private left = 0
  private link: SendLink | undefined
  private journalling = false
  private readonly idlers: (() => void)[] = []

  constructor(options: OutboxOptions) {
    this.options = options
  }

  add(signed: Signed): void {
    this.waiting.push(signed)
    if (this.journalling) return
    this.journalling = true
    // On a microtask, so that all items of a batch, which are told one after the other, leave in one record.
    queueMicrotask(() => void this.keep())
  }

  /** The peer has verified this many statements. */
  acknowledge(seq: number): void {
    const beyond = this.kept.findIndex(({ item }) => item.seq >= seq)
    const acknowledged = this.kept.splice(0, beyond < 0 ? this.kept.length : beyond)
    this.left = Math.max(0, this.left - acknowledged.length)
    for (const signed of acknowledged) signed.sent()
  }

  /** No connection: what is signed from here on is kept. */
  suspend(): void {
    this.link = undefined
  }

  /**
   * Sends what was kept, then whatever is signed from here on. Resolves when the former left, or the link is over.
   * @throws SessionError alert 115 where the peer leaves no credit for what it had credit for
   */
  async resume(link: SendLink): Promise<void> {
    await this.journalled()
    if (link.over) return
    this.link = link
    this.left = 0
    for (const { item } of this.kept) {
      item.restart()
      link.credits.session.charge(item.cost + item.body.length)
    }
    await this.transmit(link)
  }

  /** Resolves when everything that was signed is in the journal. */
  private async journalled(): Promise<void> {
    if (this.journalling) await new Promise<void>((resolve) => this.idlers.push(resolve))
  }

  private async keep(): Promise<void> {
    for (let group = groupOf(this.waiting); group.length > 0; group = groupOf(this.waiting)) {
      try {
        const entries = group.map((signed) => this.evidenceOf(signed))
        await Promise.all(entries.map((entry) => this.options.sink.append(entry)))
        // Before it leaves: what was signed is signed, whatever becomes of the connection.
        for (const entry of entries) this.options.evidence(entry)
        this.kept.push(...this.waiting.splice(0, group.length))
        if (this.link !== undefined && !this.link.busy) void this.transmit(this.link)
      } catch (error) {
        // A statement that was signed and cannot be journalled leaves a gap that nobody can close.
        group[0]?.failed(toCountersignError(error))
        this.waiting.length = 0
      }
    }
    this.journalling = false
    for (const resolve of this.idlers.splice(0)) resolve()
  }

  /** Never rejects: a connection that breaks ends itself, and what did not leave is kept. */
  private async transmit(link: SendLink): Promise<void> {
    link.busy = true
    try {
      while (this.link === link && this.left < this.kept.length) {
        const group = groupOf(this.kept.slice(this.left))
        for (const { item } of group) await link.sendBody(item, true)
        if (this.link !== link) return
        this.left += group.length
        await this.sendBatch(link, group)
        for (const signed of group) signed.sent()
      }
    } catch {
      // The connection is over.
    } finally {
      link.busy = false
    }
  }

  private async sendBatch(link: SendLink, group: readonly Signed[]): Promise<void> {
    for (const { item } of group) item.handed = true
    const jws = group[0]?.batch.jws ?? new Uint8Array(0)
    link.records.counted(group.length)
    await link.records.send(RECORD.Batch, encodeBatch({ jws, entries: group.map(entryOf) }))
  }

  private evidenceOf({ item, batch, index }: Signed): EvidenceEntry {
    return {
      statement: statementOf(batch, index),
      head: item.head,
      context: item.body,
      index,
      proof: batch.proofs[index] ?? [],
      jws: batch.jws,
      signer: this.options.signer,
      how: 'sent',
      at: this.options.now(),
    }
  }
}

/** The first items that are of one batch and fit one record. */
function groupOf(items: readonly Signed[]): Signed[] {
  const batch = items[0]?.batch
  let size = (batch?.jws.length ?? 0) + 64
  let count = 0
  for (const signed of items) {
    size += entrySize(entryOf(signed))
    if (signed.batch !== batch || (count > 0 && size > MAX_PLAINTEXT)) break
    count += 1
  }
  return items.slice(0, count)
}

function entryOf({ item, batch, index }: Signed): BatchEntry {
  const proof = batch.proofs[index] ?? []
  return { statement: statementOf(batch, index), index, proof, transfer: item.transfer, head: item.head }
}

function statementOf(batch: SignedBatch, index: number): Uint8Array {
  return plain(batch.statements[index] ?? new Uint8Array(0))
}
