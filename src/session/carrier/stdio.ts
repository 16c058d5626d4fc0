import type { Readable, Writable } from 'node:stream'
import { concat, joined, plain, readU32, u32 } from '../../crypto/encoding.ts'
import { CountersignError } from '../../support/errors.ts'
import { MAX_FRAME } from '../channel/record.ts'
import type { Carrier } from './carrier.ts'
import { Inbox } from './inbox.ts'

const PREFIX = 4

/** Cuts a stream of bytes into frames: `length u32 big-endian ‖ frame`. */
export class FrameSplitter {
  private pieces: Uint8Array[] = []
  private held = 0
  private expected: number | undefined

  /**
   * Whole frames that end in this chunk. Holds less than one frame and one chunk.
   * @throws CountersignError `limit` as soon as a length is larger than a frame can be
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.pieces.push(chunk)
    this.held += chunk.length
    const frames: Uint8Array[] = []
    for (;;) {
      if (this.expected === undefined) {
        if (this.held < PREFIX) return frames
        this.expected = readU32(this.take(PREFIX))
        if (this.expected > MAX_FRAME)
          throw new CountersignError('limit', 'The other end announced a frame that is too long.')
      }
      if (this.held < this.expected) return frames
      frames.push(this.take(this.expected))
      this.expected = undefined
    }
  }

  /** Whether the stream may end here. */
  get empty(): boolean {
    return this.held === 0 && this.expected === undefined
  }

  private take(length: number): Uint8Array {
    const [only] = this.pieces
    const all = this.pieces.length === 1 && only !== undefined ? only : joined(this.pieces)
    this.pieces = all.length === length ? [] : [all.subarray(length)]
    this.held = all.length - length
    return all.slice(0, length)
  }
}

/** A pair of byte streams as carrier: a child's, or the own standard input and output. */
export class StreamCarrier implements Carrier {
  readonly address: string
  readonly loopback: boolean
  readonly closed: Promise<CountersignError | undefined>
  private readonly input: Readable
  private readonly output: Writable
  private readonly inbox = new Inbox()
  private readonly splitter = new FrameSplitter()
  private end: (reason: CountersignError | undefined) => void = () => {}

  constructor(input: Readable, output: Writable, address: string, loopback: boolean) {
    this.address = address
    this.loopback = loopback
    this.input = input
    this.output = output
    this.closed = new Promise((resolve) => {
      this.end = resolve
    })
    input.on('data', (chunk: Buffer) => this.read(chunk))
    input.on('end', () => this.end(this.splitter.empty ? undefined : lost()))
    input.on('close', () => this.end(lost()))
    input.on('error', (cause) => this.end(lost(cause)))
    output.on('error', (cause) => this.end(lost(cause)))
    input.pause()
  }

  send(frame: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.output.write(concat(u32(frame.length), frame), (cause) => {
        if (cause === undefined || cause === null) resolve()
        else reject(lost(cause))
      })
    })
  }

  onFrame(handler: (frame: Uint8Array) => void): void {
    this.inbox.onFrame(handler)
    this.input.resume()
  }

  pause(): void {
    this.inbox.pause()
    this.input.pause()
  }

  resume(): void {
    this.inbox.resume()
    this.input.resume()
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      // A peer that does not read must not keep this end from ending.
      const timer = setTimeout(resolve, 1000)
      this.output.end(() => (clearTimeout(timer), resolve()))
    })
    this.input.destroy()
    this.end(undefined)
  }

  private read(chunk: Buffer): void {
    try {
      for (const frame of this.splitter.push(plain(chunk))) this.inbox.push(frame)
    } catch (cause) {
      this.input.destroy()
      this.end(lost(cause))
    }
  }
}

function lost(cause?: unknown): CountersignError {
  return new CountersignError('session-closed', 'The connection was lost.', { cause })
}
