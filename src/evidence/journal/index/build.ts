import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { sha384Text } from '../../../crypto/hash.ts'
import { CountersignError } from '../../../support/errors.ts'
import { parseStatement } from '../../statement.ts'
import { FIRST_PREV, type JournalLine, type RecordLine } from '../format.ts'
import { readLines } from '../lines.ts'
import { parsed } from '../tail.ts'
import type { IndexedRecord, Place, SegmentIndex } from './format.ts'

/**
 * Makes the index of a file from the file alone, as far as it has whole lines; of a file that is still written, more of it each
 * time. What is no line of a journal is left out: whoever verifies finds it.
 */
export class IndexBuilder {
  private readonly path: string
  private covered = 0
  private last = 0
  private lines = 0
  private head: string = FIRST_PREV
  private from = 0
  private to = 0
  private segment = 0
  private readonly sids = new Map<string, number>()
  private readonly keys: Place[] = []
  private readonly batches: (readonly [number, number, number])[] = []
  private readonly records: IndexedRecord[] = []
  /** The last place of each key and batch, by name. */
  private readonly keyNames = new Map<string, number>()
  private readonly batchNames = new Map<string, number>()
  private running: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.path = path
  }

  /** Reads what was added since the last time. @throws what the file system says; the reason of `signal` */
  async update(signal?: AbortSignal): Promise<SegmentIndex> {
    // One after the other: two that read at once would add everything twice.
    const update = this.running.then(() => this.read(signal))
    this.running = update.catch(() => {})
    return await update
  }

  private async read(signal: AbortSignal | undefined): Promise<SegmentIndex> {
    const { size } = await stat(this.path)
    // `end` is a place, not a number of bytes; what is written meanwhile is for the next time.
    const range = { start: this.covered, end: size - 1, signal }
    if (size > this.covered) {
      for await (const { bytes, length, complete } of readLines(createReadStream(this.path, range))) {
        if (complete) this.add(bytes, length)
      }
    }
    const { covered, last, head, from, to, segment, keys, batches, records } = this
    const header = { size, covered, last, head, from, to, sids: [...this.sids.keys()] }
    return { header, segment, keys, batches, records }
  }

  private add(bytes: Uint8Array | undefined, length: number): void {
    const place = { start: this.covered, length }
    this.lines += 1
    this.covered += length + 1
    this.last = place.start
    // A line that is too long to be read is compared with nothing later: then the index is made anew from the file.
    this.head = bytes === undefined ? FIRST_PREV : sha384Text(bytes)
    const line = bytes === undefined ? undefined : parsed(bytes)?.line
    if (line !== undefined) this.take(line, place)
  }

  private take(line: JournalLine, { start, length }: { start: number; length: number }): void {
    switch (line.type) {
      case 'segment':
        if (start === 0) this.segment = length
        return
      case 'key':
        this.keyNames.set(line.kid, this.keys.length)
        this.keys.push([start, length])
        return
      case 'batch': {
        const key = this.keyNames.get(line.kid)
        if (key === undefined) return
        this.batchNames.set(line.digest, this.batches.length)
        this.batches.push([start, length, key])
        return
      }
      case 'record':
        this.record(line, start, length)
        return
      case 'handshake':
      case 'pruned':
      case 'close':
      default:
    }
  }

  private record(record: RecordLine, start: number, length: number): void {
    const batch = this.batchNames.get(record.batch)
    const statement = statementOf(record)
    if (batch === undefined || statement === undefined) return
    const { sid, dir, seq, ctx } = statement
    const { at } = record
    const index = this.sids.get(sid) ?? this.sids.size
    this.sids.set(sid, index)
    this.from = this.records.length === 0 ? at : Math.min(this.from, at)
    this.to = Math.max(this.to, at)
    this.records.push({ start, length, line: this.lines, batch, sid: index, dir, seq, at, digest: ctx.digest })
  }
}

function statementOf({ statement }: RecordLine) {
  try {
    return parseStatement(statement)
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}
