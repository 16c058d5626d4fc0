/**
 * Frames on their way to the one handler of a carrier. Transports may deliver what they had already read after they were
 * told to pause; it waits here. What a transport reads ahead is bounded by its own buffer, and so is this.
 */
export class Inbox {
  private handler: ((frame: Uint8Array) => void) | undefined
  private readonly waiting: Uint8Array[] = []
  private held = false
  private draining = false

  push(frame: Uint8Array): void {
    this.waiting.push(frame)
    this.drain()
  }

  onFrame(handler: (frame: Uint8Array) => void): void {
    this.handler = handler
    this.drain()
  }

  pause(): void {
    this.held = true
  }

  resume(): void {
    this.held = false
    this.drain()
  }

  private drain(): void {
    // A handler may call resume(): without this flag a frame could overtake the one being handled.
    if (this.draining) return
    this.draining = true
    try {
      while (!this.held && this.handler !== undefined) {
        const frame = this.waiting.shift()
        if (frame === undefined) break
        this.handler(frame)
      }
    } finally {
      this.draining = false
    }
  }
}
