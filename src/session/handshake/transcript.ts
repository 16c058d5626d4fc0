import { TranscriptHash } from '../../crypto/hash.ts'
import type { Element } from './elements.ts'

/** th(X): the running SHA-384 of all elements through X, each exactly as sent. */
export class Transcript {
  private readonly hash = new TranscriptHash()

  /** Adds elements and returns the hash through the last of them, 48 bytes. */
  add(...elements: readonly Element[]): Uint8Array {
    for (const { bytes } of elements) this.hash.update(bytes)
    return this.hash.digest()
  }

  /** The hash of everything so far. */
  current(): Uint8Array {
    return this.hash.digest()
  }
}
