import type { PanelState } from '../../src/contracts/panel.ts'

/** Figures change at most once a second, or nobody can read them; everything else is shown as it arrives. */
const CALM = 1000

export class CalmState {
  private latest: PanelState | undefined
  private shown: PanelState | undefined
  private figuresAt = Number.NEGATIVE_INFINITY
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly now: () => number
  private readonly onDue: () => void

  constructor(now: () => number, onDue: () => void) {
    this.now = now
    this.onDue = onDue
  }

  get state(): PanelState | undefined {
    return this.shown
  }

  /** false: older than what is shown, ignored. */
  accept(state: PanelState): boolean {
    if (this.latest !== undefined && state.version <= this.latest.version) return false
    this.latest = state
    this.show()
    return true
  }

  /** The host started anew: its versions begin again. */
  restart(): void {
    this.latest = undefined
  }

  dispose(): void {
    clearTimeout(this.timer)
  }

  private show(): void {
    const { latest, shown } = this
    if (latest === undefined) return
    const wait = this.figuresAt + CALM - this.now()
    if (shown === undefined || wait <= 0) {
      this.figuresAt = this.now()
      this.shown = latest
      return
    }
    this.shown = withFigures(latest, shown)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.show()
      this.onDue()
    }, wait)
  }
}

/** `state` with the figures of `before`, except where there were none or where a rejection must not wait. */
export function withFigures(state: PanelState, before: PanelState): PanelState {
  const old = new Map(before.sessions.map((session) => [session.id, session]))
  const urgent =
    state.counters.rejected !== before.counters.rejected || state.counters.unseen !== before.counters.unseen
  return {
    ...state,
    counters: urgent ? state.counters : before.counters,
    sessions: state.sessions.map((session) => {
      const was = old.get(session.id)
      return was === undefined ? session : { ...session, measures: was.measures, contexts: was.contexts }
    }),
  }
}
