const NOTHING = new Uint8Array(0)

/**
 * Bytes that come in pieces, in one buffer that grows up to a limit. An array of pieces takes two hundred times the bytes
 * where each piece is one byte long, and how long they are is up to whoever sends them.
 */
export class Gathered {
  private readonly limit: number
  private buffer = NOTHING
  private length = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Adds a copy: chunks are views of a pool that their socket may fill again. False, also from then on, past the limit. */
  add(piece: Uint8Array): boolean {
    const length = this.length + piece.length
    if (length > this.limit) {
      this.buffer = NOTHING
      this.length = Number.POSITIVE_INFINITY
      return false
    }
    if (length > this.buffer.length) {
      const larger = new Uint8Array(Math.min(this.limit, Math.max(length, 2 * this.buffer.length)))
      larger.set(this.buffer.subarray(0, this.length))
      this.buffer = larger
    }
    this.buffer.set(piece, this.length)
    this.length = length
    return true
  }

  /** What was added, and begins anew. */
  take(): Uint8Array {
    const { buffer, length } = this
    this.buffer = NOTHING
    this.length = 0
    return length === buffer.length ? buffer : buffer.slice(0, length)
  }
}
