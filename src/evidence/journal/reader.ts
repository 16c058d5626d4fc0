import { sha384Text } from '../../crypto/hash.ts'
import { unreachable } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import type { EvidenceEntry, HandshakeNote, VerificationKey } from '../types.ts'
import {
  BATCH_WINDOW,
  type BatchLine,
  type CloseLine,
  FIRST_PREV,
  type JournalLine,
  KEY_WINDOW,
  keyOf,
  type NumberedLine,
  type RecordLine,
  type SegmentLine,
} from './format.ts'
import type { FileHistory } from './history.ts'
import { type RawLine, readLines } from './lines.ts'
import { Recent } from './recent.ts'
import type { SealedContext } from './sealing.ts'
import { parsed } from './tail.ts'

/** What a journal holds, in its order; `line` counts from 1. Nothing in an entry is verified. */
export type JournalItem = JournalEntry | JournalHandshake | JournalProblem

export interface JournalEntry {
  readonly kind: 'entry'
  readonly line: number
  readonly entry: EvidenceEntry
  /** The context, where it was encrypted; `entry.context` is undefined then. */
  readonly sealed?: SealedContext
}

/** A connection of a session. Nobody signed it: it is what the writer of the journal says. */
export interface JournalHandshake {
  readonly kind: 'handshake'
  readonly line: number
  readonly handshake: HandshakeNote
}

/**
 * `altered`: the file is not what was written. `incomplete`: something is missing from it, as after a crash, while it is
 * still written, or because it was cut.
 */
export interface JournalProblem {
  readonly kind: 'altered' | 'incomplete'
  readonly line: number
  readonly detail: string
  /** It is about what may come behind the last line: no problem as long as somebody writes the file. */
  readonly open?: true
}

/**
 * Reads a file of a journal, or the files of one series one behind the other, as a stream: memory for one line and the last 256
 * batches, whatever the length. Verifies no signature.
 * @param history is told what the file says of its neighbours
 */
export async function* readJournal(
  input: AsyncIterable<Uint8Array>,
  history?: FileHistory,
): AsyncGenerator<JournalItem> {
  const reader = new JournalReader(history)
  // Not `yield*`, which makes an iterator and some promises for each line.
  for await (const line of readLines(input)) for (const item of reader.read(line)) yield item
  yield* reader.end()
}

/** Reads the lines of `readLines`, one after the other. */
export class JournalReader {
  private readonly history: FileHistory | undefined
  private keys = new Recent<VerificationKey>(KEY_WINDOW)
  private batches = new Recent<{ readonly jws: Uint8Array; readonly signer: VerificationKey }>(BATCH_WINDOW)
  private segment: SegmentLine | undefined
  private line = 0
  private next = 0
  private prev: string | undefined = FIRST_PREV
  /** Behind the last line that could be read: what the next segment must begin with. */
  private lastGood = { next: 0, head: FIRST_PREV }
  private records = 0
  private closed: CloseLine | undefined
  private torn = false

  constructor(history: FileHistory | undefined) {
    this.history = history
  }

  read({ bytes, complete }: RawLine): readonly JournalItem[] {
    this.line++
    if (!complete) {
      this.torn = true
      const cut = bytes === undefined ? 'the last line' : `the last line (${bytes.length} bytes)`
      // Behind a `close` nothing is written, so nothing was cut off there.
      return this.closed ? [this.altered(BEHIND_THE_END)] : [this.open(`${cut} is cut off`)]
    }
    const line = bytes === undefined ? undefined : parsed(bytes)
    if (line?.line.type === 'segment') return this.begin(line, line.line, bytes ?? new Uint8Array(0))
    if (this.closed) return [this.altered(BEHIND_THE_END)]
    const broken = line === undefined ? [this.unreadable(bytes)] : this.checkChain(line)
    this.next = (line?.n ?? this.next) + 1
    // A line that was too long to be read has no digest, and one with a hole another: the next one is not blamed for that.
    const lost = bytes === undefined || (line === undefined && hasHole(bytes))
    this.prev = lost ? undefined : sha384Text(bytes)
    if (line === undefined) return broken
    this.remember()
    const taken = this.take(line.line, line.n)
    return broken.length === 0 ? taken : [...broken, ...taken]
  }

  end(): readonly JournalItem[] {
    this.history?.end(this.lastGood, this.closed?.next === true)
    if (this.closed || this.torn) return []
    return [this.open('the journal was not closed; later lines may be missing')]
  }

  private begin({ n, prev }: NumberedLine, segment: SegmentLine, bytes: Uint8Array): readonly JournalItem[] {
    // Elsewhere than at a beginning it would let lines go missing in the middle without a word.
    if (this.line > 1 && !this.closed) return [this.altered('a segment begins in the middle of another')]
    const chain = this.line === 1 ? this.checkStart(n, prev) : this.checkChain({ n, prev, line: segment })
    if (this.line > 1) this.history?.end(this.lastGood, false)
    this.history?.begin(segment, { next: n, head: prev })
    this.segment = segment
    this.keys = new Recent(KEY_WINDOW)
    this.batches = new Recent(BATCH_WINDOW)
    this.records = 0
    this.closed = undefined
    this.next = n + 1
    this.prev = sha384Text(bytes)
    this.remember()
    if (segment.cut === undefined) return chain
    const cut = `the segment before was cut off by a crash: ${segment.cut} bytes at its end are no whole line`
    return [...chain, this.incomplete(cut)]
  }

  /** Whether the lines before it are there, only the other files can say. */
  private checkStart(n: number, prev: string): readonly JournalProblem[] {
    return n > 0 || prev === FIRST_PREV ? [] : [this.altered('the first line of a series names a line before it')]
  }

  private checkChain({ n, prev }: NumberedLine): readonly JournalProblem[] {
    if (n > this.next) return [this.incomplete(`${n - this.next} lines are missing before this one`)]
    if (n < this.next) return [this.altered('the line was moved or repeated')]
    if (this.prev === undefined || prev === this.prev) return []
    return [this.altered('the line does not follow from the one before it: one of the two was changed')]
  }

  private unreadable(bytes: Uint8Array | undefined): JournalProblem {
    // No JSON holds a zero byte. Whoever puts zeros over a line could as well have taken it out, which is incomplete too.
    return bytes !== undefined && hasHole(bytes)
      ? this.incomplete('the line holds zeros, as a power failure leaves them: it and those that it covers are missing')
      : this.altered('the line is not one of a journal')
  }

  private remember(): void {
    if (this.prev !== undefined) this.lastGood = { next: this.next, head: this.prev }
  }

  private take(line: JournalLine, n: number): readonly JournalItem[] {
    this.history?.line(line)
    switch (line.type) {
      case 'key':
        this.keys.add(line.kid, keyOf(line))
        return []
      case 'batch':
        return this.takeBatch(line)
      case 'handshake': {
        const { type: _, ...handshake } = line
        return [{ kind: 'handshake', line: this.line, handshake }]
      }
      case 'record':
        return [this.entryOf(line, n)]
      case 'pruned':
        return []
      case 'close':
        this.closed = line
        if (line.records === this.records) return []
        return [this.incomplete('the journal was closed with another number of records')]
      case 'segment':
        return []
      default:
        return unreachable(line)
    }
  }

  private takeBatch({ digest, kid, jws }: BatchLine): readonly JournalItem[] {
    const signer = this.keys.get(kid)
    if (digest !== digestOf(jws)) return [this.altered('the line names its batch by a wrong digest')]
    if (signer === undefined) return [this.incomplete('the key of the batch is missing')]
    this.batches.add(digest, { jws, signer })
    return []
  }

  private entryOf(record: RecordLine, n: number): JournalItem {
    this.records++
    const batch = this.batches.get(record.batch)
    if (batch === undefined) return this.incomplete('the batch of the record is missing, so it cannot be verified')
    const sealed = sealedOf(record, n, this.segment)
    if (sealed === undefined && record.sealed !== undefined) {
      return this.altered('the record is encrypted and its segment is not')
    }
    const item = { kind: 'entry', line: this.line, entry: entryOf(record, batch) } as const
    return sealed === undefined ? item : { ...item, sealed }
  }

  private altered(detail: string): JournalProblem {
    return { kind: 'altered', line: this.line, detail }
  }

  private incomplete(detail: string): JournalProblem {
    return { kind: 'incomplete', line: this.line, detail }
  }

  private open(detail: string): JournalProblem {
    return { ...this.incomplete(detail), open: true }
  }
}

function hasHole(bytes: Uint8Array): boolean {
  return bytes.includes(0)
}

const BEHIND_THE_END = 'there are lines behind the end of the journal'

/** A record with its batch. Nothing is verified. */
export function entryOf(record: RecordLine, batch: Pick<EvidenceEntry, 'jws' | 'signer'>): EvidenceEntry {
  const { statement, head, context, index, proof, how, at } = record
  return { statement, head, context, index, proof, how, at, ...batch }
}

/** undefined where the context is not encrypted, or nobody says to whom. */
export function sealedOf(record: RecordLine, n: number, segment: SegmentLine | undefined): SealedContext | undefined {
  if (record.sealed === undefined || segment?.encryption === undefined) return undefined
  const { encryption: header, series, segment: number } = segment
  return { header, series, segment: number, n, statement: record.statement, bytes: record.sealed }
}
