import type { PanelEpoch } from '../../contracts/panelSession.ts'
import type { EpochReport } from '../../session/api.ts'

/** As many as the panel draws. */
const KEPT = 64

type Mutable = { -readonly [name in keyof PanelEpoch]: PanelEpoch[name] }

/** The epochs of a session over all of its connections, oldest first. An epoch ends when its keys are wiped. */
export class EpochHistory {
  private readonly epochs: Mutable[] = []

  get all(): readonly PanelEpoch[] {
    return this.epochs
  }

  get current(): PanelEpoch | undefined {
    const last = this.epochs.at(-1)
    return last?.until === undefined ? last : undefined
  }

  /** Epoch 0 of a connection: the first, or one that the session was resumed on. */
  connected(at: number): void {
    this.begin({ epoch: 0, from: at, cause: this.epochs.length === 0 ? 'handshake' : 'resume', contexts: 0 })
  }

  rekeyed({ epoch, at, cause }: EpochReport): void {
    // This end is the client, which knows why.
    this.begin({ epoch, from: at, cause: cause === 'peer' ? 'time' : cause, contexts: 0 })
  }

  /** The connection is gone, and its keys with it. */
  lost(at: number): void {
    const last = this.epochs.at(-1)
    if (last !== undefined) last.until ??= at
  }

  /** A context was sent or received. */
  counted(): void {
    const last = this.epochs.at(-1)
    if (last !== undefined) last.contexts = (last.contexts ?? 0) + 1
  }

  private begin(epoch: Mutable): void {
    this.lost(epoch.from)
    this.epochs.push(epoch)
    if (this.epochs.length > KEPT) this.epochs.shift()
  }
}
