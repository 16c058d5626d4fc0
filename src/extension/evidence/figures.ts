import type { PanelCounters } from '../../contracts/panel.ts'
import type { PanelSession } from '../../contracts/panelSession.ts'
import { MAX_BATCH } from '../../evidence/signingInput.ts'
import type { Clock } from '../../support/clock.ts'
import { Series } from './series.ts'

interface Measures {
  readonly rate: Series
  readonly added: Series
  readonly batch: Series
}

interface OfGateway extends Measures {
  contexts: number
  rejected: number
}

const measures = (): Measures => ({ rate: new Series(), added: new Series(), batch: new Series() })

/** Counters and five-minute figures, all of gateways and of each. */
export class Figures {
  private readonly clock: Clock
  private readonly gateways = new Map<string, OfGateway>()
  private readonly total = measures()
  private readonly roots = new Set<string>()
  private counts = { verified: 0, pending: 0, rejected: 0, unsigned: 0, roots: 0, unseen: 0 }

  constructor(clock: Clock) {
    this.clock = clock
  }

  context(gateway: string, queued: number | undefined): void {
    const now = this.clock.now()
    const of = this.of(gateway)
    of.contexts++
    of.rate.add(1, now)
    this.total.rate.add(1, now)
    if (queued === undefined) return
    of.added.add(queued, now)
    this.total.added.add(queued, now)
  }

  verified(gateway: string, root: string, size: number): void {
    this.counts.verified++
    if (this.roots.has(root)) return
    this.remember(root)
    this.counts.roots++
    const now = this.clock.now()
    this.of(gateway).batch.add(size, now)
    this.total.batch.add(size, now)
  }

  rejected(gateway: string): void {
    this.counts.rejected++
    this.counts.unseen++
    this.of(gateway).rejected++
  }

  unsigned(gateway: string): void {
    this.counts.unsigned++
    this.of(gateway)
  }

  /** A row became pending, or stopped to be. */
  pendingIs(now: boolean, before: boolean): void {
    this.counts.pending += Number(now) - Number(before)
  }

  /** The person looked at the contexts. */
  seen(): void {
    this.counts.unseen = 0
  }

  get pending(): number {
    return this.counts.pending
  }

  get unseen(): number {
    return this.counts.unseen
  }

  get active(): boolean {
    return this.total.rate.active(this.clock.now())
  }

  counters(): PanelCounters {
    return { ...this.counts, measures: this.measured(this.total) }
  }

  session(gateway: string): Pick<PanelSession, 'contexts' | 'rejected' | 'measures'> {
    const { contexts, rejected, ...measures } = this.of(gateway)
    return { contexts, rejected, measures: this.measured(measures) }
  }

  private measured({ rate, added, batch }: Measures): PanelSession['measures'] {
    const now = this.clock.now()
    return { rate: rate.rate(now), added: added.median(now), batch: batch.median(now), batchLimit: MAX_BATCH }
  }

  private of(gateway: string): OfGateway {
    const known = this.gateways.get(gateway)
    if (known !== undefined) return known
    const made = { contexts: 0, rejected: 0, ...measures() }
    this.gateways.set(gateway, made)
    return made
  }

  /** Contexts of one batch arrive together: a short memory is enough to count each root once. */
  private remember(root: string): void {
    this.roots.add(root)
    if (this.roots.size <= 1000) return
    const [oldest] = this.roots
    if (oldest !== undefined) this.roots.delete(oldest)
  }
}
