import type { GatewaySetting } from '../../contracts/settings.ts'
import type { Clock } from '../../support/clock.ts'
import type { Disposable } from '../../support/disposable.ts'
import { Emitter } from '../../support/emitter.ts'
import { CountersignError, type ErrorCode, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { released } from '../released.ts'
import type { Interruption } from './interruption.ts'

/** What a connection holds while it is ready: a session with whatever was built on it. */
export interface Link {
  /** Told when its connection is lost and tried again (then with the cause and the time of the next attempt), and when it is back. */
  readonly onInterrupted: (listener: (interruption: Interruption | undefined) => void) => Disposable
  readonly closed: Promise<CountersignError | undefined>
  close(): Promise<void>
}

export type ConnectionState =
  /** `held`: a person ended it, and calls of agents do not open it again. */
  | { readonly kind: 'closed'; readonly since: number; readonly held: boolean }
  | { readonly kind: 'connecting'; readonly since: number }
  | { readonly kind: 'ready'; readonly since: number }
  /** A call waits, or a session lost its connection; the next attempt is at `next`. */
  | { readonly kind: 'reconnecting'; readonly since: number; readonly next: number; readonly error: CountersignError }
  | { readonly kind: 'failed'; readonly since: number; readonly error: CountersignError }
  /** The gateway showed another key than the pinned one. */
  | { readonly kind: 'blocked'; readonly since: number; readonly error: CountersignError }

export interface ConnectionPorts<L extends Link> {
  /** One attempt: carrier, handshake, trust. */
  readonly attempt: (setting: GatewaySetting, signal: AbortSignal) => Promise<L>
  readonly clock: Clock
  /** 0 ≤ value < 1, for jitter: many editors must not come back to a restarted gateway in the same instant. */
  readonly random: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface GetOptions {
  /** Wait for a gateway that is away: somebody's call depends on it. */
  readonly patient: boolean
  /** A person said so, just now. */
  readonly asked?: boolean
  readonly signal?: AbortSignal
}

interface Attempt<L> {
  readonly controller: AbortController
  readonly result: Promise<L>
  /** A try that failed, while another one follows. */
  readonly failedOnce: Emitter<CountersignError>
  /** Until the next try. */
  pause: AbortController | undefined
  waiting: number
  /** Of those that wait: who waits for a gateway that is away. */
  patient: number
}

/** Only these get better by waiting; asking again after a refusal or a changed key would only hide it. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set(['gateway-unreachable', 'handshake-timeout', 'session-closed'])
const FIRST_DELAY = 400
const LONGEST_DELAY = 8_000
/** How long a call waits for a gateway that is away. Agents give up after about a minute. */
const PATIENCE = 25_000

/**
 * One gateway: at most one session, made when a call or a person needs it. It keeps no timer while nobody waits, so a
 * gateway that is away costs nothing until the next call.
 */
export class GatewayConnection<L extends Link> implements Disposable {
  readonly setting: GatewaySetting
  private readonly ports: ConnectionPorts<L>
  private readonly changed = new Emitter<ConnectionState>()
  readonly onChange = this.changed.event
  private current: ConnectionState
  private link: L | undefined
  private under: Attempt<L> | undefined
  private disposed = false

  constructor(setting: GatewaySetting, ports: ConnectionPorts<L>) {
    this.setting = setting
    this.ports = ports
    this.current = { kind: 'closed', since: ports.clock.now(), held: false }
  }

  get state(): ConnectionState {
    return this.current
  }

  /** The ready link, if there is one now. */
  get ready(): L | undefined {
    return this.link
  }

  /**
   * The ready link, or the outcome of connecting. Callers share one attempt. For a `patient` one (a call of an agent) it is
   * tried again while the gateway cannot be reached; a person sees the first failure at once, and `asked` ends the pause
   * before the next try. An abort releases this caller; the attempt ends with its last caller.
   */
  async get(options: GetOptions): Promise<L> {
    if (this.disposed) throw new CountersignError('session-closed', 'Countersign is shutting down. Nothing was sent.')
    if (this.link !== undefined) return this.link
    if (options.signal?.aborted === true) throw cancelled()
    if (options.asked !== true && this.current.kind === 'closed' && this.current.held) throw this.isHeld()
    const under = (this.under ??= this.begin())
    under.waiting++
    if (options.patient) under.patient++
    if (options.asked === true) under.pause?.abort()
    try {
      return await released(options.patient ? under.result : firstOutcome(under), options.signal)
    } finally {
      under.waiting--
      if (options.patient) under.patient--
      if (under.waiting === 0 && this.under === under) await this.close()
    }
  }

  /**
   * Ends session and attempt; the next `get` begins anew. `held`: only one that a person asked for does. An editor's own MCP
   * client comes back by itself within seconds, and a person who said "disconnect" meant it.
   */
  async close({ held = false }: { readonly held?: boolean } = {}): Promise<void> {
    this.under?.controller.abort()
    this.under = undefined
    const link = this.link
    this.link = undefined
    if (this.current.kind !== 'closed' || held) this.enter({ kind: 'closed', since: this.ports.clock.now(), held })
    await link?.close()
  }

  dispose(): void {
    this.disposed = true
    void this.close().catch(() => {})
  }

  private begin(): Attempt<L> {
    const controller = new AbortController()
    const under: Attempt<L> = {
      controller,
      failedOnce: new Emitter(),
      pause: undefined,
      waiting: 0,
      patient: 0,
      // Not in this turn: the caller has to say first whether it is patient.
      result: Promise.resolve().then(() => this.connect(under)),
    }
    // Whoever was released does not listen any more; the state says what became of the attempt.
    under.result.catch(() => {})
    return under
  }

  private async connect(under: Attempt<L>): Promise<L> {
    const { clock, attempt } = this.ports
    const { signal } = under.controller
    const since = clock.now()
    const deadline = clock.monotonic() + PATIENCE
    this.enter({ kind: 'connecting', since })
    for (let tried = 0; ; tried++) {
      try {
        const link = await attempt(this.setting, signal)
        if (signal.aborted) {
          void link.close().catch(() => {})
          throw cancelled()
        }
        return this.established(link)
      } catch (thrown) {
        const error = signal.aborted ? cancelled() : toCountersignError(thrown)
        const delay = Math.min(FIRST_DELAY * 2 ** tried, LONGEST_DELAY) * (0.5 + this.ports.random() / 2)
        const again = under.patient > 0 && TRANSIENT.has(error.code) && clock.monotonic() + delay < deadline
        if (!again || signal.aborted) throw this.failed(error, signal)
        this.enter({ kind: 'reconnecting', since, next: clock.now() + delay, error })
        under.failedOnce.fire(error)
        await this.rest(under, delay)
      }
    }
  }

  /** The pause before the next try: as long as nobody says "now". */
  private async rest(under: Attempt<L>, delay: number): Promise<void> {
    const { signal } = under.controller
    under.pause = new AbortController()
    try {
      await this.ports.sleep(delay, AbortSignal.any([signal, under.pause.signal]))
    } catch (thrown) {
      // Without the attempt itself being over: somebody ended only the pause. Else `close` has set the state.
      if (signal.aborted) throw thrown
    } finally {
      under.pause = undefined
    }
  }

  private established(link: L): L {
    this.under = undefined
    this.link = link
    this.enter({ kind: 'ready', since: this.ports.clock.now() })
    link.onInterrupted((interruption) => this.interrupted(link, interruption))
    void link.closed.then((reason) => this.lost(link, reason))
    return link
  }

  /** The session sees to another connection by itself; calls wait in it. */
  private interrupted(link: L, interruption: Interruption | undefined): void {
    if (this.link !== link) return
    if (interruption === undefined) this.enter({ kind: 'ready', since: this.ports.clock.now() })
    else this.enter({ kind: 'reconnecting', ...interruption })
  }

  private lost(link: L, reason: CountersignError | undefined): void {
    if (this.link !== link) return
    this.link = undefined
    const since = this.ports.clock.now()
    this.enter(reason === undefined ? { kind: 'closed', since, held: false } : { kind: 'failed', since, error: reason })
    // The gateway is there again and has forgotten: a new session, so that the next call finds one. Its state says what became of it.
    if (reason?.code === 'session-lost') this.get({ patient: false }).catch(() => {})
  }

  private failed(error: CountersignError, signal: AbortSignal): CountersignError {
    // `close` has set the state already, and another attempt may be under way.
    if (signal.aborted) return error
    this.under = undefined
    const since = this.ports.clock.now()
    if (error.code === 'cancelled') this.enter({ kind: 'closed', since, held: false })
    else this.enter({ kind: error.code === 'peer-changed' ? 'blocked' : 'failed', since, error })
    return error
  }

  private isHeld(): CountersignError {
    const sentence = said`The session with ${this.setting.name} was ended by hand. Connect to Server… opens it again; nothing was sent.`
    return new CountersignError('session-closed', sentence)
  }

  private enter(state: ConnectionState): void {
    this.current = state
    this.changed.fire(state)
  }
}

/** What the next try leads to, for those who do not wait for the one after it. */
function firstOutcome<L>(under: Attempt<L>): Promise<L> {
  return new Promise((resolve, reject) => {
    const heard = under.failedOnce.event(reject)
    under.result.then(resolve, reject).finally(() => heard.dispose())
  })
}

function cancelled(): CountersignError {
  return new CountersignError('cancelled', 'Connecting was cancelled. Nothing was sent.')
}
