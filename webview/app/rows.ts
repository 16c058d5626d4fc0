import type { ContextRow } from '../../src/contracts/panelContext.ts'
import type { ContextList, ContextWindow, PanelContexts, PanelReceipt } from '../../src/contracts/panelContexts.ts'

/** Rows that are kept although they are out of view: enough to scroll back and forth without a gap. */
const KEPT = 2_000

/**
 * What the webview has of the list of contexts: how long it is, and the rows around the ones in view. The host filters and
 * numbers; a match keeps its number until the list is renumbered.
 */
export class ContextRows {
  list: ContextList | undefined
  /** Counts renumberings: places of an earlier one mean nothing. */
  numbering = 0
  /** Where the row that was at the top of the view is, after a renumbering. */
  found: number | undefined
  private readonly rows = new Map<number, ContextRow>()
  private readonly places = new Map<string, number>()
  private readonly receipts = new Map<string, PanelReceipt>()

  /** An answer. Older ones than what is known are dropped. */
  take({ list, rows, found }: ContextWindow): void {
    if (this.list !== undefined && list.view < this.list.view) return
    this.relist(list, found)
    for (const { at, row } of rows) this.put(at, row)
  }

  /** What the host tells by itself. Before the first answer it says nothing that could be drawn. */
  change({ list, rows, found, receipts }: PanelContexts): void {
    if (this.list === undefined || list.view < this.list.view) return
    for (const receipt of receipts) this.receipts.set(receipt.sid, receipt)
    this.relist(list, found)
    for (const { at, row } of rows) this.put(at, row)
  }

  get count(): number {
    return this.list === undefined ? 0 : this.list.end - this.list.first
  }

  /** The match at a place in the drawn list, which begins with the newest. */
  match(position: number): number {
    return (this.list?.end ?? 0) - 1 - position
  }

  position(match: number): number {
    return (this.list?.end ?? 0) - 1 - match
  }

  at(match: number): ContextRow | undefined {
    const row = this.rows.get(match)
    return row === undefined ? undefined : this.withReceipt(row)
  }

  get(ref: string): ContextRow | undefined {
    const match = this.places.get(ref)
    return match === undefined ? undefined : this.at(match)
  }

  matchOf(ref: string): number | undefined {
    return this.places.get(ref)
  }

  /** Forgets rows that are far from a match. */
  prune(around: number): void {
    if (this.rows.size <= KEPT) return
    for (const [match, { ref }] of this.rows) {
      if (Math.abs(match - around) <= KEPT / 2) continue
      this.rows.delete(match)
      this.places.delete(ref)
    }
  }

  private relist(list: ContextList, found: number | undefined): void {
    const before = this.list
    this.list = list
    if (before?.view === list.view && before.revision === list.revision) return
    this.numbering++
    this.found = found
    this.rows.clear()
    this.places.clear()
  }

  private put(match: number, row: ContextRow): void {
    this.rows.set(match, row)
    this.places.set(row.ref, match)
  }

  /** Receipts move whole sessions on: rows that were sent before are not sent again for that. */
  private withReceipt(row: ContextRow): ContextRow {
    const receipt = row.verdict === 'verified' ? this.receipts.get(row.sid) : undefined
    if (receipt === undefined || row.receipt === 'acknowledged' || row.seq === undefined) return row
    if (row.seq < receipt[row.dir]) return { ...row, receipt: 'acknowledged' }
    return receipt.over ? { ...row, receipt: 'never' } : row
  }
}
