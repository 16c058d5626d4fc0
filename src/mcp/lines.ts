import { CountersignError } from '../support/errors.ts'
import { Gathered } from './gathered.ts'

/** Of one message on a stdio connection, its LF not counted. */
export const MAX_LINE = 16 * 1024 * 1024

const LF = 10
const CR = 13

/** Cuts a byte stream at LF, with or without a CR before it. Empty lines are left out. */
export class LineSplitter {
  private readonly line: Gathered

  constructor(limit: number = MAX_LINE) {
    this.line = new Gathered(limit)
  }

  /** The lines that `chunk` completes, each a copy. @throws CountersignError `limit` for a line past the limit */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const lines: Uint8Array[] = []
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.keep(chunk.subarray(start, end), true)
      start = end + 1
      const line = this.take()
      if (line.length > 0) lines.push(line)
    }
    this.keep(chunk.subarray(start))
    return lines
  }

  private keep(bytes: Uint8Array, last = false): void {
    if (!this.line.add(bytes, last)) throw new CountersignError('limit', 'A line is longer than 16 MiB.')
  }

  private take(): Uint8Array {
    const line = this.line.take()
    return line.at(-1) === CR ? line.subarray(0, -1) : line
  }
}

/**
 * A JSON message as one line. CR and LF in valid JSON are white space between tokens and become spaces; messages without
 * them pass as they are. The caller has checked the JSON: otherwise a line end could smuggle in a second message.
 */
export function asLine(message: Uint8Array): Uint8Array {
  const line = new Uint8Array(message.length + 1)
  line.set(message)
  // One pass: a search for each would be millions of searches in a message that is mostly line ends.
  for (let index = 0; index < message.length; index += 1)
    if (line[index] === LF || line[index] === CR) line[index] = 0x20
  line[message.length] = LF
  return line
}
