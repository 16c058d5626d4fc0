import type { HostMessage, Params, Result } from '../../contracts/panel.ts'
import type { ContextRow } from '../../contracts/panelContext.ts'
import {
  type ContextList,
  type PanelContexts,
  type PanelReceipt,
  type PlacedRow,
  WINDOW_ROWS,
} from '../../contracts/panelContexts.ts'
import type { Disposable } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import type { Listener } from '../../support/emitter.ts'
import type { EvidenceArchive } from '../evidence/archive.ts'
import type { ContextIndex } from '../evidence/list/contextIndex.ts'
import { ContextView } from '../evidence/list/contextView.ts'
import { searchJournal } from '../evidence/list/journalSearch.ts'
import { numberOf } from '../evidence/refs.ts'

/** The contexts, as far as their list goes: `ContextStore`, or rows without a session in tests. */
export interface ListedContexts {
  readonly index: ContextIndex
  readonly receipts: { take(): PanelReceipt[] }
  row(number: number): ContextRow | undefined
  textOf(number: number): string | undefined
  bodies(...given: Parameters<EvidenceArchive['bodies']>): ReturnType<EvidenceArchive['bodies']>
  readonly onChange: (listener: Listener<string>) => Disposable
}

export interface ContextFeedPorts {
  readonly contexts: ListedContexts
  readonly post: (message: HostMessage) => void
  readonly now: () => number
}

/** Rows that arrive together leave together. */
const ROWS_MS = 100
/** Of the newest, which are in view when a list begins. */
const FIRST_ROWS = 100
const REJECTED_SAID = 8

/** The rows that the webview has in view. */
interface Watch {
  from: number
  to: number
  readonly top: string | undefined
  readonly selected: string | undefined
}

/**
 * The list of contexts on its way to the webview: it is filtered here, and only what is in view is sent. While nobody looks
 * there is no list and no timer.
 */
export class ContextFeed implements Disposable {
  private readonly ports: ContextFeedPorts
  private readonly subscription: Disposable
  private readonly dirty = new Set<number>()
  private view: ContextView | undefined
  private views = 0
  private scan = new AbortController()
  /** The revision and the end that the webview knows of. */
  private revision = 0
  private told = 0
  private watch: Watch = { from: 0, to: 0, top: undefined, selected: undefined }
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(ports: ContextFeedPorts) {
    this.ports = ports
    this.subscription = ports.contexts.onChange((ref) => this.rowChanged(numberOf(ref)))
  }

  /** Another filter is another list; the same filter goes on, held or let go. */
  setFilter({ filter, hold, selected }: Params<'setFilter'>): Result<'setFilter'> {
    this.flush(false)
    const same = this.view !== undefined && JSON.stringify(this.view.filter) === JSON.stringify(filter)
    const view = same && this.view !== undefined ? this.view : this.begin(filter)
    if (view.hold(hold) === 'scan' || !same) this.look(view)
    const { first, end } = view
    this.watch = { from: Math.max(first, end - FIRST_ROWS), to: end, top: undefined, selected }
    return this.window(view, selected)
  }

  /** The rows that came into view. @throws CountersignError `usage` before a filter was set */
  contextRows({ view: number, from, to, top, selected }: Params<'contextRows'>): Result<'contextRows'> {
    const { view } = this
    if (view === undefined) throw new CountersignError('usage', 'There is no list of contexts yet.')
    // Who has the newest in view gets those that came meanwhile, too: asking again and again would never end.
    const newest = to >= this.told
    this.flush(false)
    // Rows of a list that is gone would be put where they are not.
    if (number !== this.views) return { list: this.list(view), rows: [] }
    this.watch = newest
      ? { from: Math.max(from, view.end - WINDOW_ROWS), to: view.end, top, selected }
      : { from, to: Math.min(to, from + WINDOW_ROWS), top, selected }
    return this.window(view, top)
  }

  get selected(): string | undefined {
    return this.watch.selected
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.scan.abort()
    this.view = undefined
    this.dirty.clear()
  }

  dispose(): void {
    this.stop()
    this.subscription.dispose()
  }

  private begin(filter: Params<'setFilter'>['filter']): ContextView {
    const { contexts, now } = this.ports
    this.views++
    this.view = new ContextView(filter, { index: contexts.index, textOf: (row) => contexts.textOf(row), now })
    return this.view
  }

  /** The newest slice at once, so that the answer has rows in it; the rest, and then the journal, while the host has time. */
  private look(view: ContextView): void {
    this.scan.abort()
    this.scan = new AbortController()
    void this.lookOn(view, view.slice(), this.scan.signal)
  }

  private async lookOn(view: ContextView, seen: boolean, signal: AbortSignal): Promise<void> {
    const { contexts, now } = this.ports
    const told = () => this.schedule()
    if (!seen && !(await view.scan(signal, told))) return
    await searchJournal(view, (...given) => contexts.bodies(...given), now, signal, told)
    told()
  }

  private rowChanged(row: number): void {
    if (this.view === undefined) return
    this.dirty.add(row)
    this.schedule()
  }

  private schedule(): void {
    if (this.view === undefined) return
    this.timer ??= setTimeout(() => this.flush(true), ROWS_MS)
  }

  /** Brings the list up to date with the rows that changed; `post`: the webview is told, else it is just being answered. */
  private flush(post: boolean): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { view } = this
    if (view === undefined) return
    for (const row of [...this.dirty].sort((a, b) => a - b)) view.changed(row)
    view.trim()
    const rejected = this.rejected()
    if (post || rejected.length > 0) {
      this.ports.post({ type: 'contexts', contexts: this.changes(view, rejected) })
    }
    this.dirty.clear()
  }

  private changes(view: ContextView, rejected: ContextRow[]): PanelContexts {
    const { watch, told } = this
    const renumbered = view.revision !== this.revision
    const follows = watch.to >= told && !renumbered
    if (follows) {
      const shown = Math.min(WINDOW_ROWS, Math.max(FIRST_ROWS, watch.to - watch.from))
      watch.to = view.end
      watch.from = Math.max(watch.from, view.end - shown)
    }
    const fresh = (match: number, row: number) => (follows && match >= told) || this.dirty.has(row)
    const selected = numberOf(watch.selected ?? '')
    const selectedRow = this.dirty.has(selected) ? this.ports.contexts.row(selected) : undefined
    return {
      ...(renumbered ? found(view, watch.top) : {}),
      ...(selectedRow === undefined ? {} : { selected: selectedRow }),
      rows: renumbered ? [] : this.rows(view, fresh),
      list: this.list(view),
      rejected,
      receipts: this.ports.contexts.receipts.take(),
    }
  }

  private window(view: ContextView, ref: string | undefined): Result<'contextRows'> {
    return { ...found(view, ref), rows: this.rows(view, () => true), list: this.list(view) }
  }

  private rows(view: ContextView, wanted: (match: number, row: number) => boolean): PlacedRow[] {
    const { from, to } = this.watch
    const placed: PlacedRow[] = []
    for (let at = Math.max(from, view.first); at < Math.min(to, view.end); at++) {
      const number = view.at(at)
      if (number === undefined || !wanted(at, number)) continue
      const row = this.ports.contexts.row(number)
      if (row !== undefined) placed.push({ at, row })
    }
    return placed
  }

  private rejected(): ContextRow[] {
    const rows = [...this.dirty].flatMap((number) => this.ports.contexts.row(number) ?? [])
    return rows.filter(({ verdict }) => verdict === 'rejected').slice(-REJECTED_SAID)
  }

  private list(view: ContextView): ContextList {
    const { index } = this.ports.contexts
    const { revision, first, end, newer, unseen, texts, journal } = view
    this.revision = revision
    this.told = end
    return {
      view: this.views,
      revision,
      first,
      end,
      newer,
      total: index.end - index.first,
      older: index.first,
      unseen,
      ...(texts === undefined ? {} : { texts }),
      ...(journal === undefined ? {} : { journal }),
      servers: index.servers().slice(0, 256),
    }
  }
}

function found(view: ContextView, ref: string | undefined): { readonly found?: number } {
  const at = ref === undefined ? undefined : view.find(numberOf(ref))
  return at === undefined ? {} : { found: at }
}
