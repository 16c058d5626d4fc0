import { parseStrictJson } from '../../../contracts/strictJson.ts'
import { CountersignError } from '../../../support/errors.ts'
import { isDigest, isMembers } from '../../statement.ts'
import type { Direction } from '../../types.ts'

/**
 * The index of one file of a journal: where its records are, by what one looks for. It is made from the file, holds nothing that
 * is not in it, and may be deleted at any time. Nobody verifies with it.
 *
 * Two lines of JSON: the header, which tells whether the rest is worth reading, and the places. A place is [start, length] in bytes.
 */
export interface IndexHeader {
  /** Of the file when the index was made: another size is another file. */
  readonly size: number
  /** Bytes of its whole lines: through the line feed of the line that begins at `last` and whose SHA-384 is `head`. */
  readonly covered: number
  readonly last: number
  readonly head: string
  /** Earliest and latest `at` of its records, ms; 0 and 0 where it has none. */
  readonly from: number
  readonly to: number
  readonly sids: readonly string[]
}

export interface IndexBody {
  /** Length of the segment line, which begins at 0; 0 for a journal of one file. */
  readonly segment: number
  readonly keys: readonly Place[]
  readonly batches: readonly (readonly [start: number, length: number, key: number])[]
  readonly records: readonly IndexedRecord[]
}

export type Place = readonly [start: number, length: number]

export interface IndexedRecord {
  readonly start: number
  readonly length: number
  /** From 1, as readers count. */
  readonly line: number
  /** Which of `batches`, and of the header's `sids`. */
  readonly batch: number
  readonly sid: number
  readonly dir: Direction
  readonly seq: number
  readonly at: number
  /** Of the context, as in the statement. */
  readonly digest: string
}

export interface SegmentIndex extends IndexBody {
  readonly header: IndexHeader
}

const TYP = 'countersign-journal-index'

export function encodeIndex({ header, segment, keys, batches, records }: SegmentIndex): string {
  const { size, covered, last, head, from, to, sids } = header
  const rows = records.map((r) => [
    r.start,
    r.length,
    r.line,
    r.batch,
    r.sid,
    r.dir === 'c2s' ? 0 : 1,
    r.seq,
    r.at,
    r.digest,
  ])
  const first = JSON.stringify({ v: 1, typ: TYP, size, covered, last, head, from, to, sids })
  return `${first}\n${JSON.stringify({ segment, keys, batches, records: rows })}\n`
}

/** @param bytes without the line feed. @throws CountersignError `decode` */
export function parseIndexHeader(bytes: Uint8Array): IndexHeader {
  const value = parseStrictJson(bytes, { maxDepth: 2, safeIntegers: true })
  if (!isMembers(value)) throw wrong()
  const { v, typ, size, covered, last, head, from, to, sids, ...others } = value
  if (v !== 1 || typ !== TYP || Object.keys(others).length > 0 || !isDigest(head) || !Array.isArray(sids)) throw wrong()
  const numbers = [size, covered, last, from, to]
  if (!areCounts(numbers, 5) || !sids.every(isDigest)) throw wrong()
  return { size: numbers[0], covered: numbers[1], last: numbers[2], head, from: numbers[3], to: numbers[4], sids }
}

/** @throws CountersignError `decode`, also for places outside what the header covers */
export function parseIndexBody(bytes: Uint8Array, { covered, sids }: IndexHeader): IndexBody {
  const value = parseStrictJson(bytes, { maxDepth: 3, safeIntegers: true })
  if (!isMembers(value)) throw wrong()
  const { segment, keys, batches, records, ...others } = value
  if (Object.keys(others).length > 0 || !areCounts([segment], 1)) throw wrong()
  if (!Array.isArray(keys) || !Array.isArray(batches) || !Array.isArray(records)) throw wrong()
  const inside = ([start, length]: readonly number[]) => (start ?? 0) + (length ?? 0) < covered
  const keyPlaces = keys.map((key: unknown): Place => {
    if (!areCounts(key, 2) || !inside(key)) throw wrong()
    return [key[0], key[1]]
  })
  const batchPlaces = batches.map((batch: unknown): [number, number, number] => {
    if (!areCounts(batch, 3) || !inside(batch) || batch[2] >= keyPlaces.length) throw wrong()
    return [batch[0], batch[1], batch[2]]
  })
  const rows = records.map((row: unknown) => {
    if (!Array.isArray(row) || row.length !== 9) throw wrong()
    const record = recordOf(row.slice(0, 8), row[8])
    const known = record.batch < batchPlaces.length && record.sid < sids.length
    if (!known || !inside([record.start, record.length])) throw wrong()
    return record
  })
  const [segmentLength] = [Number(segment)]
  return { segment: segmentLength, keys: keyPlaces, batches: batchPlaces, records: rows }
}

function recordOf(numbers: unknown, digest: unknown): IndexedRecord {
  if (!areCounts(numbers, 8) || !isDigest(digest) || numbers[5] > 1) throw wrong()
  const [start, length, line, batch, sid, dir, seq, at] = numbers
  return { start, length, line, batch, sid, dir: dir === 0 ? 'c2s' : 's2c', seq, at, digest }
}

interface Counts {
  1: [number]
  2: [number, number]
  3: [number, number, number]
  5: [number, number, number, number, number]
  8: [number, number, number, number, number, number, number, number]
}

function areCounts<N extends keyof Counts>(value: unknown, length: N): value is Counts[N] {
  return (
    Array.isArray(value) &&
    value.length === length &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0 && !Object.is(n, -0))
  )
}

function wrong(): CountersignError {
  return new CountersignError('decode', 'The index of a journal cannot be read; it is made anew.')
}
