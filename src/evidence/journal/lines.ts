import { MAX_LINE_BYTES } from './format.ts'

/** One line without its line feed; `bytes` is undefined where it was too long to be kept. */
export interface RawLine {
  readonly bytes: Uint8Array | undefined
  readonly length: number
  /** False for what follows the last line feed: the writer was stopped in the middle. */
  readonly complete: boolean
}

const LINE_FEED = 10

/** Cuts a stream into lines and holds no more than one of them, of at most `limit` bytes. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  limit: number = MAX_LINE_BYTES,
): AsyncGenerator<RawLine> {
  let parts: Uint8Array[] = []
  let length = 0
  const add = (part: Uint8Array) => {
    length += part.length
    // What is too long is counted and forgotten, or a file without line feeds would fill the memory.
    if (length > limit) parts = []
    else parts.push(part)
  }
  const take = (complete: boolean): RawLine => {
    // Most lines lie in one piece of the stream, and are not copied.
    const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    const line = { bytes: length > limit ? undefined : whole, length, complete }
    parts = []
    length = 0
    return line
  }
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      add(chunk.subarray(start, end))
      yield take(true)
      start = end + 1
    }
    if (start < chunk.length) add(chunk.subarray(start))
  }
  if (length > 0) yield take(false)
}
