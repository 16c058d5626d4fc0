import type { Position } from '../../evidence/expectations.ts'
import { RECORD, type RecordType } from '../channel/record.ts'
import { ACK_DELAY, ACK_EVERY, EXCHANGE_CREDIT, SESSION_CREDIT } from '../limits.ts'
import { encodeAck, encodeWindows, MAX_WINDOWS } from './messages.ts'
import { ReceiveCredits } from './receiveCredit.ts'

/**
 * What a receiver gives back: receipts and credit. Every 64 contexts or 100 ms, and at once where the peer could stand
 * still without; never when there is nothing to say.
 */
export class Returns {
  readonly credits: ReceiveCredits
  private readonly send: (type: RecordType, payload: Uint8Array) => void
  private released: Position
  private acknowledged: number
  private timer: NodeJS.Timeout | undefined
  private urgent = false
  /** No connection: what is due stays due. */
  private silent = false

  constructor(start: Position, send: (type: RecordType, payload: Uint8Array) => void) {
    this.released = start
    this.acknowledged = start.seq
    this.send = send
    this.credits = new ReceiveCredits(SESSION_CREDIT, EXCHANGE_CREDIT, () => this.flushSoon())
  }

  /** How far this end has verified and released: what its next statement acknowledges. */
  get position(): Position {
    return this.released
  }

  /** A context was released. */
  advance(position: Position): void {
    this.released = position
    if (position.seq - this.acknowledged >= ACK_EVERY) this.flush()
    else this.arm()
  }

  /**
   * The connection is lost. What the other end is told of receipts and credit in the resume is counted as told here.
   * Returns the bytes that are still held for consumers.
   */
  suspend(): number {
    this.silent = true
    clearTimeout(this.timer)
    this.timer = undefined
    this.acknowledged = this.released.seq
    return this.credits.restart()
  }

  /** There is a connection again. */
  resume(): void {
    this.silent = false
    this.arm()
  }

  /** Credit may have become due. */
  arm(): void {
    if (this.silent) return
    this.timer ??= setTimeout(() => this.flush(), ACK_DELAY).unref()
  }

  end(): void {
    this.silent = true
    clearTimeout(this.timer)
  }

  /** On a microtask: the credit that made it urgent is still being counted. */
  private flushSoon(): void {
    if (this.urgent) return
    this.urgent = true
    queueMicrotask(() => this.flush())
  }

  private flush(): void {
    this.urgent = false
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.silent) return
    if (this.released.seq > this.acknowledged) {
      this.acknowledged = this.released.seq
      this.send(RECORD.Ack, encodeAck(this.released))
    }
    while (this.credits.pending) {
      const windows = this.credits.windows(MAX_WINDOWS)
      if (windows.length > 0) this.send(RECORD.Window, encodeWindows(windows))
    }
  }
}
