import type { Carrier } from '../../src/session/carrier/carrier.ts'
import { Inbox } from '../../src/session/carrier/inbox.ts'
import { CountersignError } from '../../src/support/errors.ts'

/** What happens to a frame on the way: the frames that arrive instead of it. */
export type Tamper = (frame: Uint8Array, number: number) => readonly Uint8Array[]

/** Two ends of a carrier in memory. Frames are copied, delivered later, and held while the receiver pauses. */
export class MemoryCarrier implements Carrier {
  readonly address: string
  readonly loopback: boolean
  readonly closed: Promise<CountersignError | undefined>
  /** Every frame that this end sent. */
  readonly sent: Uint8Array[] = []
  tamper: Tamper = (frame) => [frame]
  private other: MemoryCarrier | undefined
  private readonly inbox = new Inbox()
  private isClosed = false
  private resolve: (reason: CountersignError | undefined) => void = () => {}

  private constructor(loopback: boolean, address: string) {
    this.address = address
    this.loopback = loopback
    this.closed = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  static pair(loopback = true, address = 'memory'): readonly [MemoryCarrier, MemoryCarrier] {
    const [left, right] = [new MemoryCarrier(loopback, address), new MemoryCarrier(loopback, address)]
    left.other = right
    right.other = left
    return [left, right]
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.isClosed) throw new CountersignError('session-closed', 'The connection is closed.')
    const number = this.sent.length
    this.sent.push(frame.slice())
    const arriving = this.tamper(frame.slice(), number)
    const other = this.other
    setImmediate(() => {
      if (other?.isClosed === false) for (const one of arriving) other.inbox.push(one)
    })
    await new Promise((resolve) => setImmediate(resolve))
  }

  onFrame(handler: (frame: Uint8Array) => void): void {
    this.inbox.onFrame(handler)
  }

  pause(): void {
    this.inbox.pause()
  }

  resume(): void {
    this.inbox.resume()
  }

  /** A frame of the other end that was long on its way. */
  arrive(frame: Uint8Array): void {
    if (!this.isClosed) this.inbox.push(frame)
  }

  /** The network is gone: this end learns it, and the other end by itself or not at all. */
  break(): void {
    this.isClosed = true
    this.resolve(new CountersignError('session-closed', 'The connection was lost.'))
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.resolve(undefined)
    const other = this.other
    setImmediate(() => void other?.close())
  }
}
