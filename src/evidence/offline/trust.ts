import { isWithin } from '../keyWindow.ts'
import type { Transition } from '../transition.ts'
import { extended, narrowedTrust, type TrustedWindow } from '../trustedKeys.ts'

/** Of a bundle: what it says of keys is kept for all of it. */
export const MAX_BUNDLE_KEYS = 1024
export const MAX_BUNDLE_TRANSITIONS = 256

/** A signer that is not among the trusted keys: its evidence is false, or not compared with anything and so incomplete. */
export type Strangers = 'refused' | 'not compared'

/**
 * Which keys count while one file is read. The reader's own list decides; a bundle can only take from it (it says that a
 * key ended), and lead on from it by transitions, which prove themselves.
 */
export class FileTrust {
  private readonly named: ReadonlyMap<string, TrustedWindow> | undefined
  private readonly windows = new Map<string, TrustedWindow>()
  private readonly transitions: Transition[] = []
  private all: ReadonlyMap<string, TrustedWindow>
  private readonly strangers: Strangers

  /** @param named keys by kid; undefined where nobody said which keys to trust */
  constructor(named: ReadonlyMap<string, TrustedWindow> | undefined, strangers: Strangers = 'refused') {
    this.named = named
    this.strangers = strangers
    this.all = named ?? new Map()
  }

  /** Somebody said which keys to trust. */
  get trusting(): boolean {
    return this.named !== undefined
  }

  /** What evidence of this signer is asked; undefined where there is nothing to compare it with. */
  trustsIn(kid: string): ((kid: string, at: number) => boolean | 'outside') | undefined {
    if (this.named === undefined || (this.strangers === 'not compared' && !this.all.has(kid))) return undefined
    return (of, at) => {
      const window = this.all.get(of)
      return window !== undefined && (isWithin(window, at) || 'outside')
    }
  }

  /** What must be said of a key beside the verdict. `doubted`: nothing that it signed can be more than incomplete. */
  about(kid: string): { readonly notes: readonly string[]; readonly doubted: boolean } {
    const doubted = this.all.get(kid)?.revoked !== undefined
    const follows = this.named?.has(kid) === false ? this.transitions.find(({ to }) => to.kid === kid) : undefined
    return {
      doubted,
      notes: [
        ...(follows !== undefined && this.all.has(kid) ? [`its key follows ${follows.from.kid} by a transition`] : []),
        // Whoever has a stolen key dates what it signs as it likes.
        ...(doubted ? ['its key was revoked later: that it was signed before is only what it says itself'] : []),
      ],
    }
  }

  /** The bundle says when a key counts. @returns false where it says so of too many */
  narrow(kid: string, { from, until, revoked }: TrustedWindow): boolean {
    const ends = [until, revoked].filter((end) => end !== undefined)
    const end = ends.length === 0 ? undefined : Math.min(...ends)
    const window = narrowedTrust(
      { from, until: end, ...(revoked !== undefined && { revoked }) },
      this.windows.get(kid) ?? {},
    )
    if (!this.windows.has(kid) && this.windows.size >= MAX_BUNDLE_KEYS) return false
    this.windows.set(kid, window)
    this.compute()
    return true
  }

  /** @param transition verified. @returns false where there are too many */
  follow(transition: Transition): boolean {
    if (this.transitions.length >= MAX_BUNDLE_TRANSITIONS) return false
    this.transitions.push(transition)
    this.compute()
    return true
  }

  private compute(): void {
    const narrowed = new Map(this.named)
    for (const [kid, window] of narrowed) narrowed.set(kid, narrowedTrust(window, this.windows.get(kid) ?? {}))
    this.all = extended(narrowed, this.transitions, this.windows).trusted
  }
}
