import type { PanelHsmLife } from '../../contracts/panelHsm.ts'
import type { Clock } from '../../support/clock.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { Emitter } from '../../support/emitter.ts'
import { toCountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { type KeyLife, type KeyRing, lifeState } from '../../trust/keyRing.ts'

/** The key ring as it was last read, for views, which cannot wait for a file. Whoever decides about a key asks the ring. */
export class KeyLives implements Disposable {
  private readonly ring: KeyRing
  private readonly clock: Clock
  private readonly log: Log
  private readonly owned = new DisposableStore()
  private readonly changed = new Emitter<void>()
  readonly onChange = this.changed.event
  private lives = new Map<string, KeyLife>()

  constructor(ring: KeyRing, clock: Clock, log: Log) {
    this.ring = ring
    this.clock = clock
    this.log = log
    this.owned.add(ring.onChange(() => void this.read()))
    void this.read()
  }

  /** Undefined: in force, and nobody kept its dates. */
  of(kid: string): PanelHsmLife | undefined {
    const life = this.lives.get(kid)
    if (life === undefined) return undefined
    const { planned, active, retiring, retired, revoked } = life
    const successor = life.successor === undefined ? undefined : this.lives.get(life.successor)?.label
    return {
      state: lifeState(life, this.clock.now()),
      ...(planned === undefined ? {} : { planned }),
      ...(active === undefined ? {} : { active }),
      ...(retiring === undefined ? {} : { retiring }),
      ...(retired === undefined ? {} : { retired }),
      ...(revoked === undefined ? {} : { revoked }),
      ...(successor === undefined ? {} : { successor: successor.slice(0, 256) }),
    }
  }

  dispose(): void {
    this.owned.dispose()
  }

  private async read(): Promise<void> {
    try {
      this.lives = new Map((await this.ring.list()).map((life) => [life.kid, life]))
      this.changed.fire()
    } catch (thrown) {
      // The dates are not shown; a key is not used either, because whoever uses it reads the same file.
      this.log.log('error', 'the key ring cannot be read', { reason: toCountersignError(thrown).message })
    }
  }
}
