import type { HostMessage, PanelState } from '../../contracts/panel.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { ContextStore } from '../evidence/contextStore.ts'

export interface PanelFeedPorts {
  readonly post: (message: HostMessage) => void
  readonly build: (version: number) => PanelState
  readonly contexts: ContextStore
}

/** Figures change at most once a second; what a person did or must know of arrives at once. */
const FIGURES_MS = 1_000
/** Rows that arrive together leave together. */
const ROWS_MS = 100
/** Sparklines move on while something happened in the last five minutes. */
const DECAY_MS = 5_000

/**
 * State on its way to the webview, one way: whole snapshots of the state, deltas of the contexts, each with a version. While
 * nobody looks nothing is built and no timer runs.
 */
export class PanelFeed implements Disposable {
  private readonly ports: PanelFeedPorts
  private readonly subscription: Disposable
  private running = false
  private version = 0
  private rowsVersion = 0
  private readonly dirty = new Set<string>()
  private state: ReturnType<typeof setTimeout> | undefined
  private stateAt = 0
  private stateDue = Number.POSITIVE_INFINITY
  private rows: ReturnType<typeof setTimeout> | undefined

  constructor(ports: PanelFeedPorts) {
    this.ports = ports
    this.subscription = ports.contexts.onChange((ref) => this.rowChanged(ref))
  }

  /** The webview is up and knows nothing. */
  start(): void {
    this.stop()
    this.running = true
    this.dirty.clear()
    const rows = this.ports.contexts.all().map(({ row }) => row)
    this.postRows(rows, true)
    this.postState()
  }

  stop(): void {
    this.running = false
    clearTimeout(this.state)
    clearTimeout(this.rows)
    this.stateDue = Number.POSITIVE_INFINITY
    this.rows = undefined
  }

  /** A session, the key, the inventory or a notice changed. */
  stateChanged(): void {
    this.schedule(0)
  }

  dispose(): void {
    this.stop()
    this.subscription.dispose()
  }

  private rowChanged(ref: string): void {
    if (!this.running) return
    this.dirty.add(ref)
    this.rows ??= setTimeout(() => this.flush(), ROWS_MS)
    this.schedule(FIGURES_MS)
  }

  /** An earlier time replaces a later one: a change of state does not wait for the figures' turn. */
  private schedule(delay: number): void {
    const now = performance.now()
    const due = Math.max(now, this.stateAt + delay)
    if (!this.running || this.stateDue <= due) return
    clearTimeout(this.state)
    this.stateDue = due
    // Even at once means after this turn: a burst of changes is one snapshot.
    this.state = setTimeout(() => this.postState(), due - now)
  }

  private postState(): void {
    clearTimeout(this.state)
    this.stateDue = Number.POSITIVE_INFINITY
    this.stateAt = performance.now()
    this.ports.post({ type: 'state', state: this.ports.build(++this.version) })
    if (this.ports.contexts.figures.active) this.schedule(DECAY_MS)
  }

  private flush(): void {
    this.rows = undefined
    const rows = [...this.dirty].flatMap((ref) => this.ports.contexts.get(ref)?.row ?? [])
    this.dirty.clear()
    if (rows.length > 0) this.postRows(rows, false)
  }

  private postRows(rows: Extract<HostMessage, { type: 'contexts' }>['contexts']['rows'], reset: boolean): void {
    const base = this.rowsVersion
    this.rowsVersion = base + 1
    this.ports.post({ type: 'contexts', contexts: { base, version: this.rowsVersion, reset, rows } })
  }
}
