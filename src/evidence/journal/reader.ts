import { encodeBase64url } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import type { EvidenceEntry, VerificationKey } from '../types.ts'
import {
  BATCH_WINDOW,
  type BatchLine,
  FIRST_PREV,
  type JournalLine,
  KEY_WINDOW,
  keyOf,
  type NumberedLine,
  parseLine,
  type RecordLine,
} from './format.ts'
import { type RawLine, readLines } from './lines.ts'
import { Recent } from './recent.ts'

/** What a journal holds, in its order; `line` counts from 1. Nothing in an entry is verified. */
export type JournalItem = JournalEntry | JournalProblem

export interface JournalEntry {
  readonly kind: 'entry'
  readonly line: number
  readonly entry: EvidenceEntry
}

/**
 * `altered`: the file is not what was written. `incomplete`: something is missing from it, as after a crash, while it is
 * still written, or because it was cut.
 */
export interface JournalProblem {
  readonly kind: 'altered' | 'incomplete'
  readonly line: number
  readonly detail: string
}

/** Reads a journal as a stream: memory for one line and the last 256 batches, whatever the file. Verifies no signature. */
export async function* readJournal(input: AsyncIterable<Uint8Array>): AsyncGenerator<JournalItem> {
  const reader = new Reader()
  for await (const line of readLines(input)) yield* reader.read(line)
  yield* reader.end()
}

class Reader {
  private readonly keys = new Recent<VerificationKey>(KEY_WINDOW)
  private readonly batches = new Recent<{ readonly jws: Uint8Array; readonly signer: VerificationKey }>(BATCH_WINDOW)
  private line = 0
  private next = 0
  private prev: string | undefined = FIRST_PREV
  private records = 0
  private closed = false
  private torn = false

  read({ bytes, complete }: RawLine): readonly JournalItem[] {
    this.line++
    if (this.closed) return [this.altered('there are lines behind the end of the journal')]
    if (!complete) {
      this.torn = true
      return [this.incomplete('the last line is cut off')]
    }
    const parsed = bytes === undefined ? undefined : parse(bytes)
    const chain = parsed === undefined ? [this.altered('the line is not one of a journal')] : this.checkChain(parsed)
    this.next = (parsed?.n ?? this.next) + 1
    // A line that was too long to be read has no digest: the next one is not blamed for that.
    this.prev = bytes === undefined ? undefined : encodeBase64url(sha384(bytes))
    return parsed === undefined ? chain : [...chain, ...this.take(parsed.line)]
  }

  end(): readonly JournalItem[] {
    if (this.closed || this.torn) return []
    return [this.incomplete('the journal was not closed; later lines may be missing')]
  }

  private checkChain({ n, prev }: NumberedLine): readonly JournalProblem[] {
    if (n > this.next) return [this.incomplete(`${n - this.next} lines are missing before this one`)]
    if (n < this.next) return [this.altered('the line was moved or repeated')]
    if (this.prev === undefined || prev === this.prev) return []
    return [this.altered('the line does not follow from the one before it: one of the two was changed')]
  }

  private take(line: JournalLine): readonly JournalItem[] {
    switch (line.type) {
      case 'key':
        this.keys.add(line.kid, keyOf(line))
        return []
      case 'batch':
        return this.takeBatch(line)
      case 'record':
        return [this.entryOf(line)]
      case 'close':
        this.closed = true
        if (line.records === this.records) return []
        return [this.incomplete('the journal was closed with another number of records')]
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

  private entryOf(record: RecordLine): JournalItem {
    this.records++
    const batch = this.batches.get(record.batch)
    if (batch === undefined) return this.incomplete('the batch of the record is missing, so it cannot be verified')
    const { statement, head, context, index, proof, how, at } = record
    const entry: EvidenceEntry = { statement, head, context, index, proof, how, at, ...batch }
    return { kind: 'entry', line: this.line, entry }
  }

  private altered(detail: string): JournalProblem {
    return { kind: 'altered', line: this.line, detail }
  }

  private incomplete(detail: string): JournalProblem {
    return { kind: 'incomplete', line: this.line, detail }
  }
}

function parse(bytes: Uint8Array): NumberedLine | undefined {
  try {
    return parseLine(bytes)
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}
