import type { PanelReceipt } from '../../contracts/panelContexts.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { chainStart } from '../../evidence/chain.ts'
import type { Direction, Statement } from '../../evidence/types.ts'

/** Sessions that are remembered: more than a window has open, and those of an hour of reconnecting. */
const SESSIONS = 1_000
/** Chain heads that wait for their acknowledgement, per direction: a session keeps fewer before it stops sending. */
const HEADS = 65_536

interface OfDirection {
  /** Statements before this one were acknowledged by the other side. */
  acknowledged: number
  /** Chain heads (base64url) after so many statements. */
  readonly heads: Map<number, string>
}

interface OfSession {
  readonly c2s: OfDirection
  readonly s2c: OfDirection
  over: boolean
}

/**
 * Which statements the other side has acknowledged. An acknowledgement counts where it names the chain head that this end
 * computed itself; then neither side can later deny what it names.
 */
export class Receipts {
  private readonly sessions = new Map<string, OfSession>()
  private readonly changed = new Set<string>()

  /** A statement that verified: its place in its chain, and what it acknowledges of the other direction. */
  verified({ sid, dir, seq, ack }: Pick<Statement, 'sid' | 'dir' | 'seq' | 'ack'>, chain: Uint8Array): void {
    const session = this.of(sid)
    remember(session[dir].heads, seq + 1, encodeBase64url(chain))
    const other = session[dir === 'c2s' ? 's2c' : 'c2s']
    if (ack.seq <= other.acknowledged || other.heads.get(ack.seq) !== ack.head) return
    other.acknowledged = ack.seq
    for (const seq of other.heads.keys()) {
      if (seq >= ack.seq) break
      other.heads.delete(seq)
    }
    this.changed.add(sid)
  }

  /** The session is over: what is not acknowledged now never will be. */
  ended(sid: string): void {
    this.of(sid).over = true
    this.changed.add(sid)
  }

  /** undefined: not yet. */
  state(sid: string, dir: Direction, seq: number): 'acknowledged' | 'never' | undefined {
    const session = this.sessions.get(sid)
    if (session === undefined) return undefined
    if (seq < session[dir].acknowledged) return 'acknowledged'
    return session.over ? 'never' : undefined
  }

  /** Those that changed since the last call. */
  take(): PanelReceipt[] {
    const taken = [...this.changed].flatMap((sid) => {
      const session = this.sessions.get(sid)
      if (session === undefined) return []
      return [{ sid, c2s: session.c2s.acknowledged, s2c: session.s2c.acknowledged, over: session.over }]
    })
    this.changed.clear()
    return taken.slice(-64)
  }

  private of(sid: string): OfSession {
    const known = this.sessions.get(sid)
    if (known !== undefined) return known
    const made = { c2s: begun(sid, 'c2s'), s2c: begun(sid, 's2c'), over: false }
    this.sessions.set(sid, made)
    if (this.sessions.size > SESSIONS) {
      const [oldest] = this.sessions.keys()
      if (oldest !== undefined) this.sessions.delete(oldest)
    }
    return made
  }
}

function begun(sid: string, dir: Direction): OfDirection {
  return { acknowledged: 0, heads: new Map([[0, encodeBase64url(chainStart(sid, dir))]]) }
}

function remember(heads: Map<number, string>, seq: number, head: string): void {
  heads.set(seq, head)
  if (heads.size <= HEADS) return
  const [oldest] = heads.keys()
  if (oldest !== undefined) heads.delete(oldest)
}
