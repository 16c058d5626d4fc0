import { concat } from '../../crypto/encoding.ts'
import { eventData } from '../../evidence/eventData.ts'
import { CountersignError } from '../../support/errors.ts'
import { Gathered } from '../gathered.ts'
import { asLine } from '../lines.ts'

/** Of one event through its blank line: an event is a context, and contexts have this limit. */
export const MAX_EVENT = 16 * 1024 * 1024

const CR = 13
const LF = 10
const COLON = 58
const SPACE = 32
/** U+FEFF: dropped at the start of a stream, and nowhere else (WHATWG HTML, section 9.2.5). */
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf)

/**
 * Cuts a stream of server-sent events into events: all bytes through the blank line that ends one, lines ending in CR, LF
 * or CRLF as the standard has it (WHATWG HTML, section 9.2.5), the same whatever the chunks. Blocks that are only comments
 * are left out: they are the keep-alives of a hop, and would cost a signature each. Bytes after the last blank line are no
 * event; clients drop them too.
 *
 * A blank line that is a CR ends the event at once, since the LF that may follow may also never come: such a LF is dropped.
 * Only where the line before ended in CRLF is the LF waited for, so that streams with CRLF pass byte for byte.
 */
export class SseSplitter {
  private readonly block: Gathered
  /** Bytes of the byte order mark that the stream began with so far; all of them once it is decided. */
  private marked = 0
  /** No byte of this line yet. */
  private lineEmpty = true
  private hasField = false
  /** The byte before was a CR that ended a line: a LF now is the second half of that end. */
  private afterCr = false
  private lastWasCrlf = false
  /** A blank line's CR was read: a LF now belongs to the event (`keep`), or to nothing (`drop`). */
  private lfAfterEnd: 'keep' | 'drop' | undefined

  constructor(limit: number = MAX_EVENT) {
    this.block = new Gathered(limit)
  }

  /** The events that `bytes` complete. @throws CountersignError `limit` for an event past the limit */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const chunk = this.marked < MARK.length ? this.afterMark(bytes) : bytes
    const events: Uint8Array[] = []
    let start = 0
    const cut = (end: number): void => {
      this.keep(chunk.subarray(start, end))
      start = end
      const event = this.take()
      if (event !== undefined) events.push(event)
    }
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index]
      const ending = this.lfAfterEnd
      this.lfAfterEnd = undefined
      if (ending === 'keep') cut(byte === LF ? index + 1 : index)
      if (ending === 'drop' && byte === LF) start = index + 1
      if (ending !== undefined && byte === LF) continue
      if (byte !== CR && byte !== LF) {
        this.inLine(byte)
        index = lastInLine(chunk, index)
      } else if (byte === LF && this.afterCr) {
        this.afterCr = false
        this.lastWasCrlf = true
      } else if (!this.lineEmpty) {
        this.lineEmpty = true
        this.lastWasCrlf = false
        this.afterCr = byte === CR
      } else if (byte === CR && this.lastWasCrlf) this.lfAfterEnd = 'keep'
      else {
        cut(index + 1)
        if (byte === CR) this.lfAfterEnd = 'drop'
      }
    }
    this.keep(chunk.subarray(start))
    return events
  }

  private inLine(byte: number | undefined): void {
    this.afterCr = false
    if (!this.lineEmpty) return
    this.lineEmpty = false
    if (byte !== COLON) this.hasField = true
  }

  private afterMark(bytes: Uint8Array): Uint8Array {
    let at = 0
    while (this.marked < MARK.length && at < bytes.length) {
      if (bytes[at] !== MARK[this.marked]) {
        const held = MARK.subarray(0, this.marked)
        this.marked = MARK.length
        return concat(held, bytes.subarray(at))
      }
      this.marked += 1
      at += 1
    }
    return bytes.subarray(at)
  }

  private keep(bytes: Uint8Array): void {
    if (this.block.add(bytes)) return
    throw new CountersignError('limit', 'An event of the server is longer than 16 MiB. It was not passed on.')
  }

  /** The block so far, unless it is only comments or line ends. */
  private take(): Uint8Array | undefined {
    const { hasField } = this
    const block = this.block.take()
    this.hasField = false
    this.lineEmpty = true
    this.afterCr = false
    this.lastWasCrlf = false
    return hasField ? block : undefined
  }
}

/** What a client of server-sent events reads in one event. */
export interface SseEvent {
  /** The data lines joined with LF; undefined where there is none (such an event dispatches nothing). */
  readonly data: Uint8Array | undefined
  readonly type: string
  /** A character a byte, as it goes into the header Last-Event-ID. */
  readonly id: string | undefined
}

/** Reads one event as cut by `SseSplitter`. The bytes of `data` are those of the stream. */
export function readEvent(event: Uint8Array): SseEvent {
  let type = 'message'
  let id: string | undefined
  for (const line of lines(event)) {
    const named = valueOf(line, 'event')
    if (named !== undefined) type = named === '' ? 'message' : named
    const cursor = valueOf(line, 'id')
    if (cursor?.includes('\0') === false) id = cursor
  }
  return { data: eventData(event), type, id }
}

/** The value of a line of this field. */
function valueOf(line: Uint8Array, field: string): string | undefined {
  const { length } = field
  for (let index = 0; index < length; index += 1) if (line[index] !== field.charCodeAt(index)) return undefined
  if (line.length === length) return ''
  if (line[length] !== COLON) return undefined
  return Buffer.from(line.subarray(line[length + 1] === SPACE ? length + 2 : length + 1)).toString('latin1')
}

/** One event whose data is `message` on one line: line ends in valid JSON are white space, and become spaces. */
export function messageEvent(message: Uint8Array): Uint8Array {
  return concat(Buffer.from('event: message\ndata: '), asLine(message), Buffer.from('\n'))
}

/** The last byte before the next CR or LF. */
function lastInLine(bytes: Uint8Array, from: number): number {
  let index = from + 1
  while (index < bytes.length && bytes[index] !== CR && bytes[index] !== LF) index += 1
  return index - 1
}

function* lines(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0
  while (start < bytes.length) {
    const end = lastInLine(bytes, start - 1) + 1
    if (end === bytes.length) break
    yield bytes.subarray(start, end)
    start = bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1
  }
  if (start < bytes.length) yield bytes.subarray(start)
}
