import type { Clock } from '../../support/clock.ts'
import type { Disposable } from '../../support/disposable.ts'

export interface AutoLockPorts {
  /** Of idleness before tokens are locked; 0: never. */
  readonly minutes: () => number
  /** Locks every token. It leads back to `locked`. */
  readonly lock: () => void
  readonly clock: Pick<Clock, 'now'>
  /** A timer: runs once after so many milliseconds, unless it is disposed. */
  readonly after: (ms: number, run: () => void) => Disposable
}

/** A timer of the system stands still while the machine sleeps: this is how late a lock may be after it woke up. */
const LONGEST_WAIT = 60_000

/**
 * Locks tokens after a time without a signature and without a command. There is a timer only while a token is unlocked, and
 * a use only notes the time: signatures come by the hundred. Wall-clock time, because a machine that sleeps is idle too.
 */
export class AutoLock implements Disposable {
  private readonly ports: AutoLockPorts
  private timer: Disposable | undefined
  private anyUnlocked = false
  private lastUse = 0

  constructor(ports: AutoLockPorts) {
    this.ports = ports
  }

  /** A token was unlocked, by a person or by a PIN that the person chose to store. */
  unlocked(): void {
    this.anyUnlocked = true
    this.lastUse = this.ports.clock.now()
    this.arm()
  }

  /** A signature was made, or a person ran a command. One that comes too late does not make up for the time before it. */
  used(): void {
    if (this.timer !== undefined && this.rest() <= 0) this.end()
    this.lastUse = this.ports.clock.now()
  }

  /** No token is unlocked any more. */
  locked(): void {
    this.anyUnlocked = false
    this.disarm()
  }

  /** The time was changed in the settings. */
  changed(): void {
    this.arm()
  }

  dispose(): void {
    this.locked()
  }

  private arm(): void {
    this.disarm()
    if (this.limit <= 0 || !this.anyUnlocked) return
    const wait = Math.min(Math.max(0, this.rest()), LONGEST_WAIT)
    this.timer = this.ports.after(wait, () => {
      this.timer = undefined
      if (this.rest() <= 0) this.end()
      else this.arm()
    })
  }

  private end(): void {
    this.locked()
    this.ports.lock()
  }

  private get limit(): number {
    return this.ports.minutes() * 60_000
  }

  /** Milliseconds until it is time. */
  private rest(): number {
    const now = this.ports.clock.now()
    // A clock that was set back must not make this wait for longer than it says.
    this.lastUse = Math.min(this.lastUse, now)
    return this.limit - (now - this.lastUse)
  }

  private disarm(): void {
    this.timer?.dispose()
    this.timer = undefined
  }
}
