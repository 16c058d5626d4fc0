import type { ModuleSetting } from '../../contracts/settings.ts'
import type { Disposable } from '../../support/disposable.ts'

export interface ModuleWatchPorts {
  /** A short digest of what a person would see change. @throws CountersignError when the module does not answer */
  readonly glance: (setting: ModuleSetting) => Promise<string>
  /** Reads the whole module; ends in `read` or `failed`. */
  readonly read: (ref: string) => Promise<void>
}

const GLANCE_MS = 1_000
/** A module that does not load is asked again, later each time: it may have wanted a daemon or a network. */
const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 60_000

interface Watched {
  readonly setting: ModuleSetting
  /** Of the last read; undefined: it failed. */
  readonly state: string | undefined
  readonly failures: number
  timer: ReturnType<typeof setTimeout> | undefined
  /** A question is under way: whoever looks away and back does not make it two. */
  asking: boolean
}

/**
 * Asks each module once a second whether anything changed, while somebody looks. Every module has a turn of its own: the next
 * question waits for the answer to the last, so one that hangs is asked once, and no other waits for it.
 */
export class ModuleWatch implements Disposable {
  private readonly ports: ModuleWatchPorts
  private readonly modules = new Map<string, Watched>()
  private looking = 0

  constructor(ports: ModuleWatchPorts) {
    this.ports = ports
  }

  look(): Disposable {
    this.looking++
    if (this.looking === 1) for (const [ref, watched] of this.modules) this.arm(ref, watched)
    let on = true
    return {
      dispose: () => {
        if (!on) return
        on = false
        this.looking--
        if (this.looking === 0) this.disarm()
      },
    }
  }

  /** The module was read in this state. */
  read(ref: string, setting: ModuleSetting, state: string): void {
    this.put(ref, { setting, state, failures: 0, timer: undefined, asking: false })
  }

  failed(ref: string, setting: ModuleSetting): void {
    const failures = (this.modules.get(ref)?.failures ?? 0) + 1
    this.put(ref, { setting, state: undefined, failures, timer: undefined, asking: false })
  }

  /** Forgets every other module. */
  keep(refs: ReadonlySet<string>): void {
    for (const [ref, { timer }] of this.modules) {
      if (refs.has(ref)) continue
      clearTimeout(timer)
      this.modules.delete(ref)
    }
  }

  dispose(): void {
    this.looking = 0
    this.disarm()
    this.modules.clear()
  }

  private put(ref: string, watched: Watched): void {
    clearTimeout(this.modules.get(ref)?.timer)
    this.modules.set(ref, watched)
    this.arm(ref, watched)
  }

  private arm(ref: string, watched: Watched): void {
    if (this.looking === 0 || watched.asking) return
    clearTimeout(watched.timer)
    const retry = Math.min(FIRST_RETRY_MS * 2 ** (watched.failures - 1), LONGEST_RETRY_MS)
    const wait = watched.state === undefined ? retry : GLANCE_MS
    watched.timer = setTimeout(() => void this.turn(ref, watched), wait)
  }

  private disarm(): void {
    for (const watched of this.modules.values()) {
      clearTimeout(watched.timer)
      watched.timer = undefined
    }
  }

  private async turn(ref: string, watched: Watched): Promise<void> {
    watched.timer = undefined
    watched.asking = true
    const same = watched.state !== undefined && (await this.glance(watched)) === watched.state
    watched.asking = false
    // Read or forgotten meanwhile: then this turn is over.
    if (this.modules.get(ref) !== watched) return
    if (same) this.arm(ref, watched)
    else await this.ports.read(ref)
  }

  /** Undefined: no answer, and reading the module says why. */
  private async glance({ setting }: Watched): Promise<string | undefined> {
    try {
      return await this.ports.glance(setting)
    } catch {
      return undefined
    }
  }
}
