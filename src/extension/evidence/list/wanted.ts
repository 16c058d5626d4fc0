import { VERDICTS } from '../../../contracts/panelContext.ts'
import type { JournalBody } from '../../../evidence/journal/bodies.ts'
import { DIRECTIONS, type RowChunk } from './chunk.ts'

/** Rows whose text decides and is not in memory, by where the journal has it. Numbers only: some 50 bytes a row. */
export class Wanted {
  private readonly rows = new Map<string, Map<number, number>>()
  /** When the oldest came. */
  since = Number.POSITIVE_INFINITY
  left = 0

  add(chunk: RowChunk, at: number): void {
    const seq = chunk.number.seq[at] ?? Number.NaN
    // What did not verify is in no journal, and what is empty has no text.
    if (VERDICTS[chunk.verdict[at] ?? -1] !== 'verified' || Number.isNaN(seq) || chunk.size[at] === 0) return
    const session = `${DIRECTIONS[chunk.dir[at] ?? -1]} ${chunk.strings.get(chunk.text.sid[at]) ?? ''}`
    const known = this.rows.get(session) ?? new Map<number, number>()
    if (!known.has(seq)) this.left++
    this.rows.set(session, known.set(seq, chunk.first + at))
    this.since = Math.min(this.since, chunk.at[at] ?? 0)
  }

  /** The row of a statement, once. */
  take({ sid, dir, seq }: JournalBody): number | undefined {
    const known = this.rows.get(`${dir} ${sid}`)
    const row = known?.get(seq)
    if (row === undefined) return undefined
    known?.delete(seq)
    this.left--
    return row
  }
}
