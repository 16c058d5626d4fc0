import type { Method, PanelState, Params, Result, View } from '../../src/contracts/panel.ts'
import type { ContextDetail, ContextRow } from '../../src/contracts/panelContext.ts'
import { PanelCallError } from '../../src/contracts/panelRpc.ts'
import { strings } from '../strings.ts'
import type { ContextRows, RowFilter } from './rows.ts'
import type { Saved } from './saved.ts'

/** What a view may read, and the intents it may send. Views are functions of this; nothing else holds state. */
export interface Detail {
  readonly ref: string
  readonly state: 'loading' | 'shown' | 'failed'
  readonly detail?: ContextDetail
  readonly error?: string
  readonly revealed: boolean
  readonly busy: boolean
}

type Call = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>

export class Model {
  state: PanelState | undefined
  /** The host said nothing for a while. */
  silent = false
  detail: Detail | undefined
  /** A line that says how the last intent went; goes away with the next one. */
  outcome: { readonly good: boolean; readonly text: string } | undefined
  /** Intents under way, by name: their buttons rest. */
  readonly busy = new Set<string>()
  readonly rows: ContextRows
  readonly saved: Saved
  private settling: ReturnType<typeof setTimeout> | undefined
  private readonly call: Call
  private readonly changed: () => void
  private readonly save: (saved: Saved) => void

  constructor(rows: ContextRows, saved: Saved, call: Call, changed: () => void, save: (saved: Saved) => void) {
    this.rows = rows
    this.saved = saved
    this.call = call
    this.changed = changed
    this.save = save
  }

  keep(change: Partial<Saved>): void {
    Object.assign(this.saved, change)
    this.save(this.saved)
    this.changed()
  }

  show(view: View): void {
    if (this.saved.view === view) return
    this.keep({ view })
    void this.send('selectView', { view })
  }

  filter(change: Partial<RowFilter>): void {
    this.keep({ filter: { ...this.saved.filter, ...change } })
  }

  hold(on: boolean): void {
    this.rows.hold(on)
    this.changed()
  }

  select(row: ContextRow | undefined): void {
    this.keep({ context: row?.ref })
    clearTimeout(this.settling)
    // Whoever holds an arrow key down passes rows; each answer is a verification, so only where they stop is asked.
    if (row !== undefined) this.settling = setTimeout(() => void this.load(row.ref, false), 60)
  }

  /** Sends an intent; whatever goes wrong is said in the panel, with the host's own sentence. */
  async send<M extends Method>(method: M, params: Params<M>, said?: string): Promise<void> {
    this.outcome = undefined
    this.busy.add(method)
    this.changed()
    try {
      await this.call(method, params)
      if (said !== undefined) this.outcome = { good: true, text: said }
    } catch (thrown) {
      // What a person cancelled is no failure.
      const quiet = thrown instanceof PanelCallError && (thrown.code === 'cancelled' || thrown.code === 'disposed')
      if (!quiet) this.outcome = { good: false, text: sentenceOf(thrown) }
    } finally {
      this.busy.delete(method)
      this.changed()
    }
  }

  async load(ref: string, reveal: boolean, method: 'contextDetail' | 'verifyAgain' = 'contextDetail'): Promise<void> {
    const before = this.detail?.ref === ref ? this.detail : undefined
    const busy = { ref, revealed: reveal, busy: true }
    this.detail =
      before?.detail === undefined ? { ...busy, state: 'loading' } : { ...busy, state: 'shown', detail: before.detail }
    const mine = this.detail
    this.changed()
    try {
      const detail = await this.call(method, { ref, reveal })
      if (this.detail === mine) this.detail = { ref, state: 'shown', detail, revealed: reveal, busy: false }
    } catch (thrown) {
      if (this.detail === mine) {
        this.detail = { ref, state: 'failed', error: sentenceOf(thrown), revealed: reveal, busy: false }
      }
    }
    this.changed()
  }
}

function sentenceOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : strings.empty.failed
}
