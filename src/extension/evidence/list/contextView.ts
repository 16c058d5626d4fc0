import type { ContextFilter, JournalSearched } from '../../../contracts/panelContexts.ts'
import type { RowChunk } from './chunk.ts'
import type { ContextIndex } from './contextIndex.ts'
import { Matcher } from './query.ts'
import { Wanted } from './wanted.ts'

/** Milliseconds of the host's thread that one slice of a scan takes; other extensions and sessions run between slices. */
const SLICE_MS = 8
/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 256

export interface ViewPorts {
  readonly index: ContextIndex
  /** A context's text in lower case, where it is in memory. */
  readonly textOf: (number: number) => string | undefined
  readonly now: () => number
}

/**
 * The contexts that match a filter, in the order in which they came. Matches are numbered: what the scan of older contexts
 * finds gets -1, -2, …, what comes while one looks 0, 1, …; so a number stays the same until a match comes or goes between
 * others, which `revision` tells.
 */
export class ContextView {
  readonly filter: ContextFilter
  revision = 0
  /** Texts that the scan wanted and did not find in memory, and how far the search for them is. */
  wanted = new Wanted()
  journal: JournalSearched | undefined
  private readonly ports: ViewPorts
  private readonly matcher: Matcher
  /** Numbers of rows: match -1 is back[0], match 0 is front[0]. */
  private back: number[] = []
  private front: number[] = []
  /** Matches at the beginning of `front` whose rows are gone. */
  private gone = 0
  /** Rows [index.first, left) were not looked at yet. */
  private left: number
  private held: { readonly end: number; readonly before: number } | undefined
  /** While held a row came or went between others: to be looked up when it is let go. */
  private stale = false
  private newerBetween = 0
  private withText = 0
  private lastText = -1
  /** Rows from here on came while one looks. */
  private from: number
  private scanning = 0

  constructor(filter: ContextFilter, ports: ViewPorts) {
    this.filter = filter
    this.ports = ports
    this.matcher = new Matcher(filter)
    this.left = ports.index.end
    this.from = this.left
  }

  get first(): number {
    return this.back.length > 0 ? -this.back.length : this.gone
  }

  get end(): number {
    return Math.max(this.first, this.held?.end ?? this.front.length)
  }

  get newer(): number {
    return this.front.length - this.end + this.newerBetween
  }

  get unseen(): number {
    return Math.max(0, this.left - this.ports.index.first)
  }

  /** How many contexts had their text searched, here or in the journal; undefined where no text is asked for. */
  get texts(): number | undefined {
    return this.matcher.query.words.length === 0 ? undefined : this.withText + (this.journal?.searched ?? 0)
  }

  /** The row's number, undefined where there is no such match. */
  at(match: number): number | undefined {
    if (match < this.first || match >= this.front.length) return undefined
    return match < 0 ? this.back[-1 - match] : this.front[match]
  }

  /** The match that is this row. */
  find(row: number): number | undefined {
    const match = this.lowerBound(row)
    return this.at(match) === row ? match : undefined
  }

  /** Freezes the order, or lets it go: then it has to be scanned again where rows came or went meanwhile. */
  hold(on: boolean): 'same' | 'scan' {
    if (on) {
      this.held ??= { end: this.front.length, before: this.ports.index.end }
      return 'same'
    }
    const { stale } = this
    this.held = undefined
    this.stale = false
    this.newerBetween = 0
    if (!stale) return 'same'
    this.restart()
    return 'scan'
  }

  /** A row was added or changed. */
  changed(row: number): void {
    // What the scan did not reach yet it will see as it is then.
    if (row < this.left) return
    const matches = this.matches(row)
    const match = this.lowerBound(row)
    const listed = this.at(match) === row
    if (matches === listed) return
    if (matches && match === this.front.length) this.front.push(row)
    else if (this.held !== undefined && row < this.held.before) {
      this.stale = true
      this.newerBetween += Number(matches)
    } else this.splice(match, matches ? row : undefined)
  }

  /** The text of a row that was in memory no longer. Hold does not keep it back: it is not new. */
  textFound(row: number, text: string): void {
    const match = this.lowerBound(row)
    if (this.at(match) === row || !this.matches(row, text)) return
    // The oldest of all, and so between no others.
    if (match === -this.back.length) this.back.push(row)
    else this.splice(match, row)
  }

  /** Rows that are no longer in the index. */
  trim(): void {
    const { first } = this.ports.index
    while (this.back.length > 0 && (this.back.at(-1) ?? first) < first) this.back.pop()
    if (this.back.length > 0) return
    while (this.gone < this.front.length && (this.front[this.gone] ?? first) < first) this.gone++
  }

  /** Looks through the older contexts, newest first, a slice at a time. False: another scan took over, or `signal`. */
  async scan(signal: AbortSignal, progress: () => void): Promise<boolean> {
    const mine = ++this.scanning
    while (!this.slice()) {
      progress()
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted || mine !== this.scanning) return false
    }
    return true
  }

  /** @returns whether everything was seen */
  slice(): boolean {
    const { index, now } = this.ports
    const until = now() + SLICE_MS
    for (let looked = 1; this.left > index.first; looked++) {
      const texts = this.withText
      this.left--
      if (this.matches(this.left)) this.back.push(this.left)
      // A text may have taken long; columns do not.
      if ((looked % ROWS_PER_LOOK === 0 || texts !== this.withText) && now() >= until) break
    }
    return this.left <= index.first
  }

  private restart(): void {
    this.back = []
    this.front = []
    this.gone = 0
    this.withText = 0
    this.lastText = -1
    this.wanted = new Wanted()
    this.journal = undefined
    this.left = this.ports.index.end
    this.from = this.left
    this.revision++
  }

  private matches(row: number, text?: string): boolean {
    const chunk = this.ports.index.chunkOf(row)
    if (chunk === undefined) return false
    return this.matcher.matches(chunk, row - chunk.first, () => text ?? this.textOf(row, chunk))
  }

  private textOf(row: number, chunk: RowChunk): string | undefined {
    const text = this.ports.textOf(row)
    if (text === undefined) this.wanted.add(chunk, row - chunk.first)
    // A row that changed is looked at again, and counts once.
    if (text !== undefined && (row < this.from || row > this.lastText)) {
      this.lastText = Math.max(row, this.lastText)
      this.withText++
    }
    return text
  }

  private splice(match: number, row: number | undefined): void {
    this.revision++
    const [remove, add] = row === undefined ? [1, []] : [0, [row]]
    if (match >= 0 && !(match === 0 && row !== undefined && this.back.length > 0))
      this.front.splice(match, remove, ...add)
    else if (row === undefined) this.back.splice(-1 - match, 1)
    else this.back.splice(-match, 0, row)
  }

  /** The first match whose row is not before this one. */
  private lowerBound(row: number): number {
    let [low, high] = [this.first, this.front.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((this.at(middle) ?? 0) < row) low = middle + 1
      else high = middle
    }
    return low
  }
}
