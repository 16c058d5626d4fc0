/** How many ranges are remembered. With so many, what touches none of them is as if it had not been read. */
const MOST = 4096

/** Which sequences were read, as ranges [from, to): one of them as long as nothing is missing. */
export class Ranges {
  private readonly ranges: { from: number; to: number }[] = []

  add(seq: number): void {
    const last = this.ranges.at(-1)
    // Files hold their statements in order: all but a few are appended.
    if (last !== undefined && seq === last.to) last.to++
    else if (last === undefined || (seq > last.to && this.ranges.length < MOST))
      this.ranges.push({ from: seq, to: seq + 1 })
    else this.insert(seq)
  }

  /** How many there are. */
  get count(): number {
    return this.countFrom(0)
  }

  /** How many there are of those with this sequence or a higher one. */
  countFrom(seq: number): number {
    return this.ranges.reduce((sum, { from, to }) => sum + Math.max(0, to - Math.max(from, seq)), 0)
  }

  /** Whether all from 0 up to `end` (excluded) are there. */
  covers(end: number): boolean {
    const first = this.ranges[0]
    return end === 0 || (first?.from === 0 && first.to >= end)
  }

  /** What is not there before the last one that is, from 0 on, as ranges [from, to). */
  get missing(): readonly { readonly from: number; readonly to: number }[] {
    return this.ranges
      .map(({ from }, at) => ({ from: at === 0 ? 0 : (this.ranges[at - 1]?.to ?? 0), to: from }))
      .filter(({ from, to }) => from < to)
  }

  private insert(seq: number): void {
    const after = this.ranges.findIndex(({ to }) => seq <= to)
    const range = this.ranges[after]
    // Past the last one: only where there are as many as may be.
    if (range === undefined) return
    if (seq >= range.from && seq < range.to) return
    if (seq === range.to) range.to++
    else if (seq === range.from - 1) range.from--
    else if (this.ranges.length < MOST) this.ranges.splice(after, 0, { from: seq, to: seq + 1 })
    const next = this.ranges[after + 1]
    if (next === undefined || next.from !== range.to) return
    range.to = next.to
    this.ranges.splice(after + 1, 1)
  }
}
