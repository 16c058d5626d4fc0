import type { PKCS11 } from 'pkcs11js'
import { CKF, CKR, CKS } from './constants.ts'
import { calling, isCkr } from './errors.ts'

/** One operation at a time per session (PKCS#11 v3.2, section 5.6.1): one for each of 16 lanes, and one beside them. */
const MOST = 17
/** The first may find that the sessions ended a while ago, the second that it happens again; a third is for bad luck. */
const MOST_TRIES = 3

/** A session that is in use, and the life of the pool in which it was opened. */
interface Lease {
  readonly session: Buffer
  readonly life: number
}

interface Taker {
  readonly take: (lease: Lease) => void
  readonly refuse: (error: unknown) => void
}

/**
 * The sessions of this process with one token. When the token ends them (it was removed, its daemon restarted), a new life
 * begins: what was opened or found in an earlier one is not used again.
 */
export class SessionPool {
  private readonly module: PKCS11
  private readonly slot: Buffer
  private readonly idle: Buffer[] = []
  private readonly takers: Taker[] = []
  /** Sessions that are in use or idle; without the anchor. */
  private open = 0
  private lives = 0
  /** A login ends when the last session of the process with the token closes: this one stays open. */
  private anchor: Buffer | undefined

  constructor(module: PKCS11, slot: Buffer) {
    this.module = module
    this.slot = slot
  }

  /**
   * Number of the present life. An object handle is worth as much as the sessions of the life in which it was found: after
   * a removal the same number may be another object.
   */
  get life(): number {
    return this.lives
  }

  /** Runs work in a session of its own; where the token had ended that one, from the beginning in a new one. */
  async use<T>(work: (session: Buffer) => Promise<T> | T): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.once(work)
      } catch (thrown) {
        if (!isStale(thrown) || tries === MOST_TRIES) throw thrown
      }
    }
  }

  /** As `use`, for work with objects that were found before: there is nothing to repeat when their life ended. */
  async once<T>(work: (session: Buffer) => Promise<T> | T): Promise<T> {
    const lease = await this.take()
    try {
      const result = await work(lease.session)
      this.give(lease)
      return result
    } catch (thrown) {
      this.drop(lease, thrown)
      throw thrown
    }
  }

  /** A read-write session for one piece of work, closed afterwards. */
  async useReadWrite<T>(work: (session: Buffer) => Promise<T> | T): Promise<T> {
    const session = this.openSession(CKF.RW_SESSION)
    try {
      return await work(session)
    } finally {
      this.closeSession(session)
    }
  }

  /** Runs a call in the session that keeps the login; where the token ended that one, in a new one, not logged in. */
  inAnchor<T>(work: (session: Buffer) => T): T {
    this.anchor ??= this.openSession()
    try {
      return work(this.anchor)
    } catch (thrown) {
      if (isEnded(thrown)) this.endLife(this.lives)
      if (!isStale(thrown)) throw thrown
      this.anchor = this.openSession()
      return work(this.anchor)
    }
  }

  /** Whether the user is logged in: asked of the token, since it or another session of this process may have logged out. */
  loggedIn(): boolean {
    return this.inAnchor((session) => {
      const { state } = calling('C_GetSessionInfo', () => this.module.C_GetSessionInfo(session))
      return state === CKS.RO_USER || state === CKS.RW_USER
    })
  }

  /** Closes what is not in use, and the login with it. What is in use is closed when it is given back. */
  close(): void {
    this.lives += 1
    this.closeIdle()
    if (this.anchor !== undefined) this.closeSession(this.anchor)
    this.anchor = undefined
  }

  private take(): Promise<Lease> | Lease {
    const free = this.idle.pop()
    if (free !== undefined) return { session: free, life: this.lives }
    return (this.open < MOST ? this.lease() : undefined) ?? this.wait()
  }

  private wait(): Promise<Lease> {
    return new Promise((take, refuse) => this.takers.push({ take, refuse }))
  }

  /**
   * A new session. Undefined where the token has no more of them and one of ours will be given back: it can have fewer than
   * we would like, and share them with other programs.
   */
  private lease(): Lease | undefined {
    try {
      const session = this.openSession()
      this.open += 1
      // Looked at after the opening: where the older session is gone, the new one belongs to a life of which nobody has heard
      // yet, and an object handle from before would be used in it.
      if (this.anchor !== undefined && !this.isAlive(this.anchor)) this.endLife(this.lives)
      return { session, life: this.lives }
    } catch (thrown) {
      if (this.open > 0 && isCkr(causeOf(thrown), CKR.SESSION_COUNT)) return undefined
      throw thrown
    }
  }

  /** After work that succeeded. */
  private give(lease: Lease): void {
    if (lease.life !== this.lives) {
      this.closeSession(lease.session)
      this.open -= 1
      return this.serve()
    }
    const next = this.takers.shift()
    if (next === undefined) this.idle.push(lease.session)
    else next.take(lease)
  }

  /** After work that failed. The session may still be in the middle of an operation, and would refuse the next: it goes. */
  private drop(lease: Lease, thrown: unknown): void {
    if (isEnded(thrown)) this.endLife(lease.life)
    else this.closeSession(lease.session)
    this.open -= 1
    this.serve()
  }

  /** Who waits gets a session or the reason why there is none: nobody else would ever tell. */
  private serve(): void {
    while (this.open < MOST) {
      const next = this.takers.shift()
      if (next === undefined) return
      try {
        const lease = this.lease()
        if (lease === undefined) {
          this.takers.unshift(next)
          return
        }
        next.take(lease)
      } catch (thrown) {
        next.refuse(thrown)
      }
    }
  }

  /** Once for all sessions of a life, however many find out that it ended. */
  private endLife(life: number): void {
    if (life !== this.lives) return
    this.lives += 1
    // Some may live on. Left open, they would count against what the token allows until it has no session for us.
    this.closeIdle()
    if (this.anchor !== undefined && !this.isAlive(this.anchor)) this.anchor = undefined
  }

  /** Of the anchor: it carries the login, which is only given up where it is lost. */
  private isAlive(session: Buffer): boolean {
    try {
      this.module.C_GetSessionInfo(session)
      return true
    } catch {
      return false
    }
  }

  private closeIdle(): void {
    for (const session of this.idle.splice(0)) {
      this.closeSession(session)
      this.open -= 1
    }
  }

  private openSession(more = 0): Buffer {
    return calling('C_OpenSession', () => this.module.C_OpenSession(this.slot, CKF.SERIAL_SESSION | more))
  }

  private closeSession(session: Buffer): void {
    try {
      this.module.C_CloseSession(session)
    } catch {
      // Ended by the token already; there is nothing left to close.
    }
  }
}

/** The session is not there any more; with a new one the same may succeed. */
export function isStale(thrown: unknown): boolean {
  return isCkr(causeOf(thrown), CKR.SESSION_HANDLE_INVALID, CKR.SESSION_CLOSED)
}

/** With the token go its sessions (PKCS#11 v3.2, section 5.6.1), and they do not come back with it. */
function isEnded(thrown: unknown): boolean {
  return isStale(thrown) || isCkr(causeOf(thrown), CKR.DEVICE_REMOVED, CKR.TOKEN_NOT_PRESENT)
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown
}
