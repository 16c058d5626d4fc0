import type { Method, PanelState, Params, Result, View } from '../../src/contracts/panel.ts'
import type { ContextDetail, ContextRow } from '../../src/contracts/panelContext.ts'
import type { ContextFilter } from '../../src/contracts/panelContexts.ts'
import type { PanelTrial } from '../../src/contracts/panelTrial.ts'
import { PanelCallError } from '../../src/contracts/panelRpc.ts'
import { BodyViews } from '../contexts/bodyViews.ts'
import { strings } from '../strings.ts'
import type { ContextRows } from './rows.ts'
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

/** Milliseconds after the last key before a text is searched. */
const TYPING = 120

export type Call = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>

export class Model {
  state: PanelState | undefined
  /** The host said nothing for a while. */
  silent = false
  detail: Detail | undefined
  trial: PanelTrial | undefined
  /** A line that says how the last intent went; goes away with the next one. */
  outcome: { readonly good: boolean; readonly text: string } | undefined
  /** Intents under way, by name: their buttons rest. */
  readonly busy = new Set<string>()
  readonly rows: ContextRows
  readonly saved: Saved
  /** Newer contexts are counted, not listed. */
  holding = false
  /** How the bodies of the opened context are looked at. */
  readonly bodies: BodyViews
  private typing: ReturnType<typeof setTimeout> | undefined
  private wanted: Params<'contextRows'> | undefined
  private asking = false
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
    this.bodies = new BodyViews(call, changed)
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

  filter(change: Partial<ContextFilter>): void {
    const before = this.saved.filter
    this.keep({ filter: { ...before, ...change } })
    clearTimeout(this.typing)
    // Whoever types a word means the word, not each of its beginnings.
    const wait = this.saved.filter.text === before.text ? 0 : TYPING
    this.typing = setTimeout(() => void this.relist(), wait)
  }

  hold(on: boolean): void {
    this.holding = on
    this.changed()
    void this.relist()
  }

  /** Begins the list anew, or goes on with it where the filter is the same. */
  async relist(): Promise<void> {
    const { filter, context } = this.saved
    const selected = context === undefined ? {} : { selected: context }
    try {
      this.rows.take(await this.call('setFilter', { filter, hold: this.holding, ...selected }))
    } catch (thrown) {
      this.fail(thrown)
    }
    this.changed()
  }

  /** The rows that are in view. One question at a time: whoever scrolls fast is answered where they are, not where they were. */
  want(rows: Params<'contextRows'>): void {
    this.wanted = rows
    if (!this.asking) void this.ask()
  }

  private async ask(): Promise<void> {
    this.asking = true
    try {
      for (let rows = this.wanted; rows !== undefined; rows = this.wanted) {
        this.wanted = undefined
        this.rows.take(await this.call('contextRows', rows))
        this.changed()
      }
    } catch (thrown) {
      this.fail(thrown)
    } finally {
      this.asking = false
    }
  }

  private fail(thrown: unknown): void {
    // What a person cancelled is no failure.
    const quiet = thrown instanceof PanelCallError && (thrown.code === 'cancelled' || thrown.code === 'disposed')
    if (!quiet) this.outcome = { good: false, text: sentenceOf(thrown) }
    this.changed()
  }

  select(row: Pick<ContextRow, 'ref'> | undefined): void {
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
      this.fail(thrown)
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
