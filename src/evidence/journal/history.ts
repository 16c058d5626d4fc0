import type { JournalLine, PrunedLine, SegmentLine } from './format.ts'
import type { ChainPosition } from './lineChain.ts'
import { parseName } from './names.ts'
import { Recent } from './recent.ts'

/** Segments that are held against each other, and deleted ones that are remembered: the files may be anybody's. */
const MOST = 65_536

/** What can only be said of a journal when all its files were read. */
export interface HistoryProblem {
  readonly file: string
  readonly line: number
  readonly kind: 'altered' | 'incomplete'
  readonly detail: string
}

/** One segment as its file tells it: the lines from `begin.next` on, up to `end.next`. */
interface Span {
  readonly file: string
  readonly segment: number
  readonly begin: ChainPosition
  readonly end: ChainPosition
  /** Its last line says that the series goes on. */
  readonly goesOn: boolean
}

/** Takes what one file says of its neighbours, while it is read. */
export interface FileHistory {
  begin(line: SegmentLine, position: ChainPosition): void
  line(line: JournalLine): void
  /** @param head undefined where the last lines could not be read */
  end(position: ChainPosition, goesOn: boolean): void
}

/**
 * Holds the segments of series against each other: each must begin where the one before it ended. What retention deleted, and
 * said so, is missing and not false. Memory for one entry a segment, and for so many of them.
 */
export class JournalHistory {
  private readonly series = new Map<string, Span[]>()
  private readonly pruned = new Recent<PrunedLine>(2 * MOST)
  private segments = 0

  /** @param file as it is called in what is found */
  file(file: string): FileHistory {
    let open: { readonly line: SegmentLine; readonly begin: ChainPosition } | undefined
    return {
      begin: (line, begin) => {
        open = { line, begin }
      },
      line: (line) => {
        const name = line.type === 'pruned' ? parseName(line.file) : undefined
        if (line.type !== 'pruned' || name === undefined) return
        const place = `${name.series} ${line.next}`
        this.pruned.add(place, line)
        this.pruned.add(`${place} ${line.head}`, line)
      },
      end: (end, goesOn) => {
        if (open === undefined) return
        const { line, begin } = open
        open = undefined
        if (++this.segments > MOST) return
        const spans = this.series.get(line.series) ?? []
        spans.push({ file, segment: line.segment, begin, end, goesOn })
        this.series.set(line.series, spans)
      },
    }
  }

  *finish(): Generator<HistoryProblem> {
    if (this.segments > MOST) {
      yield {
        file: '',
        line: 0,
        ...incomplete(`there are more than ${MOST} segments: not all were held against each other`),
      }
    }
    for (const [series, spans] of this.series) {
      let before: Span | undefined
      for (const span of spans.toSorted(inSeries)) {
        const found = before === undefined ? this.first(series, span) : follows(before, span)
        if (found !== undefined) yield { file: span.file, line: 1, ...found }
        // Of two copies of one file the longer one is the newer.
        if (before === undefined || span.end.next >= before.end.next) before = span
      }
      if (before?.goesOn === true) {
        yield {
          file: before.file,
          line: 0,
          ...incomplete('the series goes on in a segment that is not among these files'),
        }
      }
    }
  }

  private first(series: string, { begin }: Span): Found | undefined {
    if (begin.next === 0) return undefined
    const place = `${series} ${begin.next}`
    if (this.pruned.get(place) === undefined)
      return incomplete('the segments before this one are not among these files')
    const last = this.pruned.get(`${place} ${begin.head}`)
    if (last === undefined) return altered('it does not follow from the segment that was deleted before it')
    const { at, why } = last
    const limit = why === 'age' ? 'age' : 'the size of the journal'
    const when = new Date(Math.min(at, 8.64e15)).toISOString()
    return incomplete(`the segments before this one were deleted by retention (limit of ${limit}), the last at ${when}`)
  }
}

type Found = Pick<HistoryProblem, 'kind' | 'detail'>

function follows(before: Span, span: Span): Found | undefined {
  // The same file twice, or a copy from when it was shorter.
  if (span.begin.next === before.begin.next && span.segment === before.segment) {
    const sameEnd = span.end.next !== before.end.next || span.end.head === before.end.head
    if (span.begin.head === before.begin.head && sameEnd) return undefined
    return altered('two files tell this segment in different ways')
  }
  const missing = span.begin.next - before.end.next
  if (missing > 0) return incomplete(`${missing} lines are missing between the segment before and this one`)
  if (missing < 0) return altered('the segment before goes on behind the place at which this one begins')
  if (span.begin.head === before.end.head) return undefined
  return altered('it does not follow from the segment before: one of the two was changed')
}

function inSeries(one: Span, other: Span): number {
  return one.segment - other.segment || one.begin.next - other.begin.next || one.end.next - other.end.next
}

function incomplete(detail: string): Found {
  return { kind: 'incomplete', detail }
}

function altered(detail: string): Found {
  return { kind: 'altered', detail }
}
