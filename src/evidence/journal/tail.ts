import { stat } from 'node:fs/promises'
import { sha384Text } from '../../crypto/hash.ts'
import { CountersignError } from '../../support/errors.ts'
import { linesBackwards } from './backwards.ts'
import { type JournalLine, type NumberedLine, parseLine } from './format.ts'

/** Where the lines of a file end: what the first line of the next one carries over. */
export interface Tail {
  /** Number of the line that follows, and the SHA-384 of the line before it. */
  readonly next: number
  readonly head: string
  readonly last: JournalLine
  /** Bytes behind the last whole line. */
  readonly cut: number
}

/** Lines that are looked at from the end before a file counts as one without lines: a crash leaves one, or a hole of zeros. */
const MOST = 1000

/**
 * The end of a file of lines. undefined where no whole line is in it, as when its writer was killed at once.
 * @throws what the file system says
 */
export async function readTail(path: string): Promise<Tail | undefined> {
  let looked = 0
  for await (const { bytes, start } of linesBackwards(path)) {
    const line = parsed(bytes)
    if (line !== undefined) {
      const { size } = await stat(path)
      const end = start + bytes.length + 1
      return { next: line.n + 1, head: sha384Text(bytes), last: line.line, cut: Math.max(0, size - end) }
    }
    if (++looked >= MOST) break
  }
  return undefined
}

/** undefined for bytes that are no line of a journal. */
export function parsed(bytes: Uint8Array): NumberedLine | undefined {
  try {
    return parseLine(bytes)
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}
