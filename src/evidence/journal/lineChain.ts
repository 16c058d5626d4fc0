import { sha384Text } from '../../crypto/hash.ts'
import { encodeLine, FIRST_PREV, type JournalLine } from './format.ts'

/** Where a series stands: number of its next line, and the SHA-384 of its last. */
export interface ChainPosition {
  readonly next: number
  readonly head: string
}

export const CHAIN_START: ChainPosition = { next: 0, head: FIRST_PREV }

const LINE_FEED = Uint8Array.of(10)

/** Numbers and chains the lines of a series, over all its segments. */
export class LineChain {
  private position: ChainPosition

  constructor(position: ChainPosition) {
    this.position = position
  }

  /** Number of the line that is encoded next. */
  get next(): number {
    return this.position.next
  }

  /** Lines with their line feeds. When one cannot be encoded, none of them took a number. @throws as `encodeLine` */
  encode(lines: readonly JournalLine[]): Uint8Array[] {
    let { next, head } = this.position
    const parts: Uint8Array[] = []
    for (const line of lines) {
      const bytes = encodeLine({ n: next++, prev: head, line })
      head = sha384Text(bytes)
      parts.push(bytes, LINE_FEED)
    }
    this.position = { next, head }
    return parts
  }
}
