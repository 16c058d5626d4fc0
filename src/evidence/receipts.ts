import type { Direction, Statement } from './types.ts'

/** Sessions whose receipts are remembered; the one that was heard of longest ago is forgotten first. */
const MOST = 4096

/**
 * What each end of a session acknowledged of the other's statements: every statement says how many of the other direction its
 * signer had verified and released. Fed with verified statements only; memory for a number a direction.
 */
export class Receipts {
  private readonly counts = new Map<string, Record<Direction, number>>()

  /** Takes the receipt of a verified statement. @returns the direction of which more is acknowledged now, undefined where nothing changed */
  add({ sid, dir, ack }: Pick<Statement, 'sid' | 'dir' | 'ack'>): Direction | undefined {
    const other = dir === 'c2s' ? 's2c' : 'c2s'
    const known = this.counts.get(sid) ?? { c2s: 0, s2c: 0 }
    const more = ack.seq > known[other]
    if (more) known[other] = ack.seq
    this.counts.delete(sid)
    this.counts.set(sid, known)
    const oldest = this.counts.size > MOST ? this.counts.keys().next().value : undefined
    if (oldest !== undefined) this.counts.delete(oldest)
    return more ? other : undefined
  }

  /** How many statements of a direction the other end acknowledged: those with a sequence from here on it never did, so far. */
  acknowledged(sid: string, dir: Direction): number {
    return this.counts.get(sid)?.[dir] ?? 0
  }

  /** Whether the other end can no longer deny that it verified this statement. */
  isAcknowledged({ sid, dir, seq }: Pick<Statement, 'sid' | 'dir' | 'seq'>): boolean {
    return seq < this.acknowledged(sid, dir)
  }
}
