import type { HostMessage, PanelState } from '../../contracts/panel.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import type { TrialBoard } from '../trial/board.ts'
import { ContextFeed } from './contextFeed.ts'

export interface PanelFeedPorts {
  readonly post: (message: HostMessage) => void
  readonly build: (version: number) => PanelState
  readonly contexts: ContextStore
  readonly trial: Pick<TrialBoard, 'current' | 'onChange'>
}

/** Figures change at most once a second; what a person did or must know of arrives at once. */
const FIGURES_MS = 1_000
/** Sparklines move on while something happened in the last five minutes. */
const DECAY_MS = 5_000

/** State on its way to the webview: whole snapshots, each with a version. While nobody looks nothing is built and no timer runs. */
export class PanelFeed implements Disposable {
  private readonly ports: PanelFeedPorts
  private readonly subscriptions = new DisposableStore()
  private running = false
  private version = 0
  private state: ReturnType<typeof setTimeout> | undefined
  private stateAt = 0
  private stateDue = Number.POSITIVE_INFINITY
  /** The list of contexts, which the webview asks for piece by piece. */
  readonly list: ContextFeed

  constructor(ports: PanelFeedPorts) {
    this.ports = ports
    const { contexts, post, trial } = ports
    this.list = new ContextFeed({ contexts, post, now: () => performance.now() })
    this.subscriptions.add(contexts.onChange(() => this.schedule(FIGURES_MS)))
    this.subscriptions.add(trial.onChange(() => this.postTrial()))
  }

  /** The webview is up and knows nothing. */
  start(): void {
    // Not `stop`: the list may have been asked for already.
    this.running = true
    this.postState()
    this.postTrial()
  }

  /** Nobody looks any more. */
  stop(): void {
    this.running = false
    clearTimeout(this.state)
    this.stateDue = Number.POSITIVE_INFINITY
    this.list.stop()
  }

  /** A session, the key, the inventory or a notice changed. */
  stateChanged(): void {
    this.schedule(0)
  }

  dispose(): void {
    this.stop()
    this.list.dispose()
    this.subscriptions.dispose()
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

  private postTrial(): void {
    const { trial, post } = this.ports
    if (this.running && trial.current.state !== 'idle') post({ type: 'trial', trial: trial.current })
  }

  private postState(): void {
    clearTimeout(this.state)
    this.stateDue = Number.POSITIVE_INFINITY
    this.stateAt = performance.now()
    this.ports.post({ type: 'state', state: this.ports.build(++this.version) })
    if (this.ports.contexts.figures.active) this.schedule(DECAY_MS)
  }
}
