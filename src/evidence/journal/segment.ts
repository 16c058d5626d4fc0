import { join } from 'node:path'
import { CountersignError } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import type { EvidenceEntry, HandshakeNote } from '../types.ts'
import { AppendFile, type Durability } from './appendFile.ts'
import type { Disk } from './disk.ts'
import { BATCH_WINDOW, type JournalLine, KEY_WINDOW, type PrunedLine } from './format.ts'
import type { LineChain } from './lineChain.ts'
import { segmentFile } from './names.ts'
import { Recent } from './recent.ts'
import type { ContextKeeper } from './sealing.ts'

export interface SegmentOptions {
  readonly folder: string
  readonly series: string
  readonly number: number
  readonly chain: LineChain
  readonly keeper: ContextKeeper
  readonly durability: Durability
  readonly disk: Disk
  readonly at: number
  /** Bytes that a crash left behind the last whole line of the segment before. */
  readonly cut?: number
  /** The file is made when this has resolved: what the segment before holds is on the disk first. */
  readonly after: Promise<void>
}

/** One file of a series while it is written. It can be read without the ones before: keys and batches are named anew. */
export class Segment {
  readonly path: string
  readonly name: string
  readonly begunAt: number
  /** Bytes and records so far. */
  bytes = 0
  records = 0
  /** Resolves when the file is there, with its first line. @throws CountersignError `journal-write` */
  readonly begun: Promise<void>
  private readonly options: SegmentOptions
  private readonly file: AppendFile
  private readonly keys = new Recent<true>(KEY_WINDOW)
  private readonly batches = new Recent<true>(BATCH_WINDOW)
  /** The batch of the last record: the next one is of the same, as a rule, and its JWS need not be hashed again. */
  private lastBatch: { readonly jws: Uint8Array; readonly digest: string } | undefined

  constructor(options: SegmentOptions) {
    const { folder, series, number, keeper, durability, disk, at, cut, after } = options
    this.options = options
    this.name = segmentFile(series, number)
    this.path = join(folder, this.name)
    this.begunAt = at
    this.file = new AppendFile(
      after.then(() => disk.create(this.path)),
      durability,
    )
    const { contexts, encryption } = keeper
    this.begun = this.write([
      {
        type: 'segment',
        series,
        segment: number,
        at,
        contexts,
        ...(cut ? { cut } : {}),
        ...(encryption && { encryption }),
      },
    ])
    // Told to whoever waits for it, or for the entries behind it.
    this.begun.catch(() => {})
  }

  /** Why nothing is written any more. */
  get failure(): CountersignError | undefined {
    return this.file.failure
  }

  /** @throws CountersignError `journal-write` */
  async append(entry: EvidenceEntry): Promise<void> {
    const { signer, jws, statement, head, index, proof, how, at } = entry
    const batch = this.digestOf(jws)
    const lines: JournalLine[] = []
    if (this.keys.get(signer.kid) === undefined) lines.push({ type: 'key', kid: signer.kid, key: signer })
    if (this.batches.get(batch) === undefined) lines.push({ type: 'batch', digest: batch, kid: signer.kid, jws })
    const kept = this.options.keeper.keep(this.options.chain.next + lines.length, statement, entry.context)
    lines.push({ type: 'record', batch, statement, head, index, proof, how, at, context: undefined, ...kept })
    const written = this.write(lines)
    if (lines.some(({ type }) => type === 'key')) this.keys.add(signer.kid, true)
    if (lines.some(({ type }) => type === 'batch')) this.batches.add(batch, true)
    this.records++
    await written
  }

  /** @throws CountersignError `journal-write` */
  async handshake(note: HandshakeNote): Promise<void> {
    await this.write([{ type: 'handshake', ...note }])
  }

  /** What was deleted: on the disk when it resolves. @throws CountersignError `journal-write` */
  async pruned(line: PrunedLine): Promise<void> {
    await this.write([line])
    await this.file.sync()
  }

  /** Writes the last line, waits for the disk and closes the file. @throws CountersignError `journal-write` */
  async close(at: number, next: boolean): Promise<void> {
    const line = this.write([{ type: 'close', at, records: this.records, ...(next && { next }) }])
    this.options.keeper.wipe()
    try {
      await line
    } finally {
      await this.file.close()
    }
  }

  /** After a failure: lets go of the file. */
  async abandon(): Promise<void> {
    this.options.keeper.wipe()
    // Why it failed was told to everybody who waited for it.
    await this.file.close().catch(() => {})
  }

  private write(lines: readonly JournalLine[]): Promise<void> {
    const parts = this.options.chain.encode(lines)
    for (const part of parts) this.bytes += part.length
    return this.file.append(...parts)
  }

  private digestOf(jws: Uint8Array): string {
    if (this.lastBatch?.jws !== jws) this.lastBatch = { jws, digest: digestOf(jws) }
    return this.lastBatch.digest
  }
}
