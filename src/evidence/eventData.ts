const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const COLON = 0x3a
const DATA = Buffer.from('data')

/** Whether these bytes are exactly one event: lines, the blank line that ends them, and nothing behind it. */
export function isOneEvent(event: Uint8Array): boolean {
  let start = 0
  while (start < event.length) {
    const end = lineEnd(event, start)
    // Without its line end the line, and so the event, is not complete.
    if (end === event.length) return false
    const next = behindLineEnd(event, end)
    if (end === start) return next === event.length
    start = next
  }
  return false
}

/**
 * The data of one server-sent event: its `data` lines joined with LF, lines ending in CR, LF or CRLF (WHATWG HTML, section
 * 9.2.6). The bytes are a view of the event where it has one data line.
 * @returns undefined where there is no data line, or the bytes are not one event: a reader could then act on a message that
 *   nobody described
 */
export function eventData(event: Uint8Array): Uint8Array | undefined {
  if (!isOneEvent(event)) return undefined
  const data = new JoinedLines(event)
  for (let start = 0; start < event.length; ) {
    const end = lineEnd(event, start)
    const value = valueStart(event, start, end)
    if (value >= 0) data.add(value, end)
    start = behindLineEnd(event, end)
  }
  return data.bytes()
}

function behindLineEnd(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1
}

/** One byte after the other: a search for LF and one for CR would run through the rest of the event at each short line. */
function lineEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== CR && bytes[at] !== LF) at++
  return at
}

/** Where the value of a line of the field "data" starts, behind one leading space; -1 for any other line. */
function valueStart(bytes: Uint8Array, start: number, end: number): number {
  const colon = start + DATA.length
  if (colon > end) return -1
  for (let at = 0; at < DATA.length; at++) {
    if (bytes[start + at] !== DATA[at]) return -1
  }
  if (colon === end) return end
  if (bytes[colon] !== COLON) return -1
  return colon + 1 < end && bytes[colon + 1] === SPACE ? colon + 2 : colon + 1
}

/**
 * Lines of an event joined with LF. They go into one buffer, never longer than the event: an array of millions of short
 * lines would take many times the memory, and not fit the arguments of one call.
 */
class JoinedLines {
  private readonly event: Uint8Array
  private first: Uint8Array | undefined
  private joined: Uint8Array | undefined
  private length = 0

  constructor(event: Uint8Array) {
    this.event = event
  }

  add(start: number, end: number): void {
    if (this.first === undefined) {
      this.first = this.event.subarray(start, end)
      return
    }
    if (this.joined === undefined) {
      this.joined = new Uint8Array(this.event.length)
      this.joined.set(this.first)
      this.length = this.first.length
    }
    this.joined[this.length++] = LF
    for (let at = start; at < end; at++) this.joined[this.length++] = this.event[at] ?? 0
  }

  bytes(): Uint8Array | undefined {
    return this.joined?.subarray(0, this.length) ?? this.first
  }
}
