/**
 * Names of a journal's files. A series is named by when it began and by chance; the names of segments, sorted, give the order of
 * their lines, whatever the clock did in between.
 *
 *   countersign-2026-11-29T10-50-00Z-<12 of A-Za-z0-9_->-<6 digits>.jsonl   a segment of a series
 *   countersign-2026-11-29T10-50-00Z-<12 of A-Za-z0-9_->.jsonl              a journal of one file, as they were written before
 *   countersign-2026-11-29T10-50-00Z-<12 of A-Za-z0-9_->-<6 digits>.lock    who writes a series
 */
const SERIES = String.raw`\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[A-Za-z0-9_-]{12}`
const SERIES_NAME = new RegExp(`^${SERIES}$`)
const FILE_NAME = new RegExp(`^countersign-(${SERIES})(?:-(\\d{6}))?\\.(jsonl|lock)$`)
export const MAX_SEGMENT = 999_999

export interface JournalName {
  readonly series: string
  /** Of a segment, or the generation of a lock; absent for a journal of one file. */
  readonly number?: number
  readonly kind: 'lines' | 'lock'
}

/** @param at milliseconds since 1970; @param random 9 bytes in base64url */
export function seriesName(at: number, random: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(':', '-')}Z-${random}`
}

export function isSeries(value: unknown): value is string {
  return typeof value === 'string' && SERIES_NAME.test(value)
}

export function segmentFile(series: string, segment: number): string {
  return `countersign-${series}-${sixDigits(segment)}.jsonl`
}

export function lockFile(series: string, generation: number): string {
  return `countersign-${series}-${sixDigits(generation)}.lock`
}

/** Where the index of a file of lines lies, beside it. */
export function indexFile(lines: string): string {
  return lines.replace(/\.jsonl$/, '.index')
}

/** undefined for what is no file of a journal: temporary files, indexes, somebody else's. */
export function parseName(name: string): JournalName | undefined {
  const [, series, number, ending] = FILE_NAME.exec(name) ?? []
  if (series === undefined) return undefined
  if (number === undefined) return ending === 'jsonl' ? { series, kind: 'lines' } : undefined
  return { series, number: Number(number), kind: ending === 'lock' ? 'lock' : 'lines' }
}

/** Names of files of lines in the order in which they are read: the oldest series first, each from its first segment on. */
export function inOrder(names: Iterable<string>): string[] {
  // Code units, never a locale's order, which would put "-" and "_" elsewhere.
  return [...names].filter((name) => parseName(name)?.kind === 'lines').toSorted()
}

function sixDigits(number: number): string {
  return String(number).padStart(6, '0')
}
