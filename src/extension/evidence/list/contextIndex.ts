import { Emitter } from '../../../support/emitter.ts'
import { CHUNK_ROWS, type IndexRow, RowChunk } from './chunk.ts'

/** Rows that are listed at least; older ones are in the journal only. */
export const LISTED_ROWS = 100_000
/** Contexts of one batch arrive together: a short memory is enough to give each batch one number. */
const BATCHES_REMEMBERED = 1_000

/**
 * Every context since the window was opened, the newest 100,000 of them, in compact form: about 20 MB, however long the
 * session runs. A context is known by its number, which counts from 0 and never changes.
 */
export class ContextIndex {
  private readonly chunks: RowChunk[] = []
  private readonly changed = new Emitter<number>()
  /** The number of a row that was added or changed. */
  readonly onChange = this.changed.event
  private readonly batches = new Map<string, number>()
  private nextBatch = 1
  private next = 0

  /** Rows [first, end) are here. */
  get first(): number {
    return this.chunks[0]?.first ?? this.next
  }

  get end(): number {
    return this.next
  }

  /** @returns the row's number */
  add(row: IndexRow): number {
    const number = this.next++
    let chunk = this.chunks.at(-1)
    if (chunk === undefined || chunk.length === CHUNK_ROWS) {
      chunk = new RowChunk(number)
      this.chunks.push(chunk)
    }
    this.write(chunk, number, row)
    const oldest = this.chunks[0]
    if (oldest !== undefined && this.next - oldest.first - CHUNK_ROWS >= LISTED_ROWS) this.chunks.shift()
    this.changed.fire(number)
    return number
  }

  /** Nothing where the row is no longer here. */
  set(number: number, row: IndexRow): void {
    const chunk = this.chunkOf(number)
    if (chunk === undefined) return
    this.write(chunk, number, row)
    this.changed.fire(number)
  }

  get(number: number): IndexRow | undefined {
    const chunk = this.chunkOf(number)
    return chunk?.read(number - chunk.first)
  }

  chunkOf(number: number): RowChunk | undefined {
    // All chunks but the last are full, so that a row is found by its number alone.
    if (number < this.first || number >= this.next) return undefined
    return this.chunks[Math.floor((number - this.first) / CHUNK_ROWS)]
  }

  /** Numbers of everything of one exchange, oldest first. */
  exchange(sid: string, exchange: number): number[] {
    const found: number[] = []
    for (const chunk of this.chunks) {
      const text = chunk.strings.texts.indexOf(sid)
      if (text <= 0) continue
      const { text: texts, number: numbers } = chunk
      for (let at = 0; at < chunk.length; at++) {
        if (numbers.exchange[at] === exchange && texts.sid[at] === text) found.push(chunk.first + at)
      }
    }
    return found
  }

  /** The first row behind this one that acknowledges statement `seq` of its session and direction. */
  acknowledging(number: number, seq: number): number | undefined {
    const own = this.chunkOf(number)
    if (own === undefined) return undefined
    const from = number - own.first
    const [sid, dir] = [own.strings.get(own.text.sid[from]) ?? '', own.dir[from]]
    for (const chunk of this.chunks.filter(({ first }) => first >= own.first)) {
      const text = chunk.strings.texts.indexOf(sid)
      if (text <= 0) continue
      for (let at = chunk === own ? from + 1 : 0; at < chunk.length; at++) {
        const acknowledges = (chunk.number.ack[at] ?? Number.NaN) > seq
        if (acknowledges && chunk.text.sid[at] === text && chunk.dir[at] !== dir) return chunk.first + at
      }
    }
    return undefined
  }

  servers(): string[] {
    return [...new Set(this.chunks.flatMap((chunk) => [...chunk.servers]))].sort()
  }

  private write(chunk: RowChunk, number: number, row: IndexRow): void {
    chunk.write(number - chunk.first, row, row.batch === undefined ? 0 : this.batchNumber(row.batch.id))
  }

  private batchNumber(id: string): number {
    const known = this.batches.get(id)
    if (known !== undefined) return known
    const number = this.nextBatch++
    this.batches.set(id, number)
    if (this.batches.size > BATCHES_REMEMBERED) {
      const [oldest] = this.batches.keys()
      if (oldest !== undefined) this.batches.delete(oldest)
    }
    return number
  }
}
