import { CONTEXT_ROWS, type PanelContexts } from '../../src/contracts/panel.ts'
import type { ContextRow, Verdict } from '../../src/contracts/panelContext.ts'

export interface RowFilter {
  readonly text: string
  readonly server: string
  readonly direction: '' | 'c2s' | 's2c'
  readonly verdict: '' | Verdict
}
export const NO_FILTER: RowFilter = { text: '', server: '', direction: '', verdict: '' }

export function isFiltered(filter: RowFilter): boolean {
  return filter.text !== '' || filter.server !== '' || filter.direction !== '' || filter.verdict !== ''
}

function haystack(row: ContextRow): string {
  return [row.server, row.tool, row.method, row.kind, row.reason, row.exchange].join('\n').toLowerCase()
}

/** Rows the host sent, newest last, and the filtered list, newest first. */
export class ContextRows {
  private readonly rows = new Map<string, ContextRow>()
  private readonly search = new WeakMap<ContextRow, string>()
  private version = -1
  /** While holding: what had arrived when it began. Later rows are counted, not shown. */
  private held: Set<string> | undefined

  /** `gap`: a delta that does not fit on what is here; everything has to be asked for again. */
  apply(delta: PanelContexts): 'applied' | 'gap' {
    if (delta.reset) this.rows.clear()
    else if (delta.base !== this.version) return 'gap'
    this.version = delta.version
    // A Map keeps the place of a key that is set again: an update in place, in the order of arrival.
    for (const row of delta.rows) this.rows.set(row.ref, row)
    const over = this.rows.size - CONTEXT_ROWS
    if (over > 0) for (const ref of Array.from(this.rows.keys()).slice(0, over)) this.rows.delete(ref)
    return 'applied'
  }

  get size(): number {
    return this.rows.size
  }

  get holding(): boolean {
    return this.held !== undefined
  }

  get(ref: string): ContextRow | undefined {
    return this.rows.get(ref)
  }

  hold(on: boolean): void {
    this.held = on ? new Set(this.rows.keys()) : undefined
  }

  servers(): string[] {
    return Array.from(new Set(Array.from(this.rows.values(), (row) => row.server))).sort()
  }

  /** Newest first; `newer` counts what Hold keeps back. */
  view(filter: RowFilter): { readonly list: readonly ContextRow[]; readonly newer: number } {
    const list: ContextRow[] = []
    const text = filter.text.trim().toLowerCase()
    let newer = 0
    for (const row of this.rows.values()) {
      if (!this.matches(row, filter, text)) continue
      if (this.held === undefined || this.held.has(row.ref)) list.push(row)
      else newer++
    }
    return { list: list.reverse(), newer }
  }

  private matches(row: ContextRow, filter: RowFilter, text: string): boolean {
    if (filter.verdict !== '' && row.verdict !== filter.verdict) return false
    if (filter.direction !== '' && row.dir !== filter.direction) return false
    if (filter.server !== '' && row.server !== filter.server) return false
    if (text === '') return true
    let hay = this.search.get(row)
    if (hay === undefined) {
      hay = haystack(row)
      this.search.set(row, hay)
    }
    return hay.includes(text)
  }
}
