import { open, type FileHandle } from 'node:fs/promises'
import { MAX_LINE_BYTES } from './lineTypes.ts'

/** A whole line of a file, without its line feed, and where it begins. */
export interface PlacedLine {
  readonly bytes: Uint8Array
  readonly start: number
}

const CHUNK = 64 * 1024
const LINE_FEED = 10

/**
 * The whole lines of a file, the last one first; what follows the last line feed is left out. Reads no more of the file than is
 * asked for, and gives up at a line that is longer than any of a journal.
 */
export async function* linesBackwards(path: string): AsyncGenerator<PlacedLine> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    /** The beginning of a line of which the end was read. */
    let tail: Uint8Array[] = []
    let length = 0
    // What lies behind the last line feed is no line.
    let inLine = false
    for (let end = size; end > 0 && length <= MAX_LINE_BYTES; ) {
      const start = Math.max(0, end - CHUNK)
      const chunk = await readAt(file, start, end - start)
      let until = chunk.length
      for (let at = chunk.lastIndexOf(LINE_FEED); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(LINE_FEED, at - 1)) {
        if (inLine) yield { bytes: Buffer.concat([chunk.subarray(at + 1, until), ...tail]), start: start + at + 1 }
        inLine = true
        tail = []
        length = 0
        until = at
      }
      if (inLine) {
        tail.unshift(chunk.subarray(0, until))
        length += until
      }
      end = start
    }
    if (inLine && length <= MAX_LINE_BYTES) yield { bytes: Buffer.concat(tail), start: 0 }
  } finally {
    await file.close()
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled)
    // It was cut meanwhile: what is missing reads as zeros, which are no line.
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer
}
