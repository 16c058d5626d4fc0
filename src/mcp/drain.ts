import type { Writable } from 'node:stream'

/**
 * Backpressure of one stream for many writers: they all wait for the same `drain`. A listener for each writer would be
 * hundreds of listeners on a slow server's input, which Node reports as a leak.
 */
export class Drain {
  private readonly stream: Writable
  private waiting: Promise<void> | undefined

  constructor(stream: Writable) {
    this.stream = stream
  }

  /** Writes; resolves when there is room for more, or nobody is left to make room. */
  write(bytes: Uint8Array): Promise<void> {
    const { stream } = this
    if (!stream.writable || stream.write(bytes)) return Promise.resolve()
    this.waiting ??= new Promise((resolve) => {
      const done = (): void => {
        stream.off('drain', done)
        // A reader that ends without reading never drains.
        stream.off('close', done)
        this.waiting = undefined
        resolve()
      }
      stream.on('drain', done)
      stream.on('close', done)
    })
    return this.waiting
  }
}
