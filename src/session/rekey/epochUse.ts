import type { Clock } from '../../support/clock.ts'
import { EPOCH_AGE, EPOCH_BYTES, EPOCH_CONTEXTS, REKEY_GRACE, REKEY_SPACING } from '../limits.ts'

/** What one epoch may be used for; a root may be stricter than the defaults. Milliseconds, statements, bytes both ways. */
export interface RekeyPolicy {
  readonly age: number
  readonly contexts: number
  readonly bytes: number
  /** How long traffic may go on past these limits. */
  readonly grace: number
  /** Least time between two rekeys. */
  readonly spacing: number
}

export const REKEY_POLICY: RekeyPolicy = {
  age: EPOCH_AGE,
  contexts: EPOCH_CONTEXTS,
  bytes: EPOCH_BYTES,
  grace: REKEY_GRACE,
  spacing: REKEY_SPACING,
}

/** Why an epoch has to end. */
export type RekeyCause = 'time' | 'contexts' | 'bytes'

/** Counts what the keys of the current epoch were used for. */
export class EpochUse {
  private readonly clock: Clock
  private readonly policy: RekeyPolicy
  private began: number
  private bytes = 0
  private contexts = 0
  /** When the first traffic past a limit was seen. */
  private overSince: number | undefined

  constructor(clock: Clock, policy: RekeyPolicy) {
    this.clock = clock
    this.policy = policy
    this.began = clock.monotonic()
  }

  /** An epoch begins. */
  renew(): void {
    this.began = this.clock.monotonic()
    this.bytes = 0
    this.contexts = 0
    this.overSince = undefined
  }

  add(bytes: number, contexts: number): void {
    this.bytes += bytes
    this.contexts += contexts
  }

  /** The limit that is passed, if one is. */
  get spent(): RekeyCause | undefined {
    const { age, contexts, bytes } = this.policy
    if (this.contexts >= contexts) return 'contexts'
    if (this.bytes >= bytes) return 'bytes'
    return this.age >= age ? 'time' : undefined
  }

  /** Milliseconds since the epoch began. */
  get age(): number {
    return this.clock.monotonic() - this.began
  }

  /** Whether the other end may begin an epoch so soon. */
  get renewable(): boolean {
    return this.age >= this.policy.spacing
  }

  /**
   * Asked with each traffic: whether it goes on although the client had its time to rekey. The grace begins with the first
   * traffic past a limit, since an idle session does not rekey; twice the amount is too much at once.
   */
  get overdue(): boolean {
    if (this.spent === undefined) return false
    const now = this.clock.monotonic()
    this.overSince ??= now
    const { contexts, bytes, grace } = this.policy
    return now - this.overSince > grace || this.contexts >= 2 * contexts || this.bytes >= 2 * bytes
  }
}
