const NOTHING = new Uint8Array(0)
/** So much memory is taken on somebody's word before the bytes are there. */
const BELIEVED = 256 * 1024

/**
 * Bytes that come in pieces, in one buffer that grows up to a limit. An array of pieces takes two hundred times the bytes
 * where each piece is one byte long, and how long they are is up to whoever sends them.
 */
export class Gathered {
  private readonly limit: number
  private readonly expected: number
  private buffer = NOTHING
  private length = 0

  /** @param expected how many bytes will come, where that is said: in a buffer of that size they need not be moved */
  constructor(limit: number, expected = 0) {
    this.limit = limit
    this.expected = Math.min(expected, BELIEVED)
  }

  /**
   * Adds a copy: chunks are views of a pool that their socket may fill again. False, also from then on, past the limit.
   * @param last no other piece follows before `take`
   */
  add(piece: Uint8Array, last = false): boolean {
    const length = this.length + piece.length
    if (length > this.limit) {
      this.buffer = NOTHING
      this.length = Number.POSITIVE_INFINITY
      return false
    }
    if (length > this.buffer.length) {
      const size = last ? length : Math.max(length, 2 * this.buffer.length, this.expected)
      const larger = new Uint8Array(Math.min(this.limit, size))
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
