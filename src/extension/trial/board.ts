import { NO_TRIAL, type PanelTrial } from '../../contracts/panelTrial.ts'
import { Emitter } from '../../support/emitter.ts'

type Run = (signal: AbortSignal, tell: (trial: PanelTrial) => void) => Promise<PanelTrial>

/** The trial of this window: one at a time, and its last state for as long as the window lives. */
export class TrialBoard {
  current: PanelTrial = NO_TRIAL
  private readonly run: Run
  private readonly changed = new Emitter<PanelTrial>()
  readonly onChange = this.changed.event
  private running: { readonly abort: AbortController; readonly done: Promise<PanelTrial> } | undefined

  /** @param run imports what it needs: nothing of the trial is loaded before somebody wants it */
  constructor(run: Run) {
    this.run = run
  }

  /** Begins it, or joins the one that runs. Resolves when it is over and nothing of it is left. */
  async start(): Promise<PanelTrial> {
    this.running ??= this.begin()
    return await this.running.done
  }

  /** What is left of it ends soon: `end` waits for that. */
  cancel(): void {
    this.running?.abort.abort()
  }

  async end(): Promise<void> {
    this.cancel()
    await this.running?.done.catch(() => {})
  }

  private begin(): NonNullable<TrialBoard['running']> {
    const abort = new AbortController()
    this.take({ state: 'running', rows: [] })
    const done = this.run(abort.signal, (trial) => this.take(trial)).finally(() => (this.running = undefined))
    return { abort, done }
  }

  private take(trial: PanelTrial): void {
    this.current = trial
    this.changed.fire(trial)
  }
}
