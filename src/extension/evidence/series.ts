import type { PanelSeries } from '../../contracts/panelSession.ts'

const BUCKET_MS = 5_000
const BUCKETS = 60

/** A figure over the last five minutes. It holds what was measured and no timer: old buckets fall out when somebody looks. */
export class Series {
  private readonly buckets = new Map<number, number[]>()

  add(value: number, at: number): void {
    const bucket = Math.floor(at / BUCKET_MS)
    const values = this.buckets.get(bucket)
    if (values !== undefined) values.push(value)
    else {
      this.buckets.set(bucket, [value])
      this.forgetBefore(bucket - BUCKETS)
    }
  }

  /** Values a second; a bucket without any is 0. */
  rate(now: number): PanelSeries {
    const values = this.window(now).map((bucket) => (bucket?.length ?? 0) / (BUCKET_MS / 1000))
    // The bucket that is being filled would always look slow.
    return { now: values.at(-2) === 0 ? (values.at(-1) ?? 0) : (values.at(-2) ?? 0), values }
  }

  /** The median of each bucket; null where nothing was measured. */
  median(now: number): PanelSeries {
    const values = this.window(now).map((bucket) => (bucket === undefined ? null : medianOf(bucket)))
    const last = values.findLast((value) => value !== null)
    return last === undefined || last === null ? { values } : { now: last, values }
  }

  /** Whether anything was measured in the last five minutes. */
  active(now: number): boolean {
    return this.window(now).some((bucket) => bucket !== undefined)
  }

  private window(now: number): (readonly number[] | undefined)[] {
    const last = Math.floor(now / BUCKET_MS)
    return Array.from({ length: BUCKETS }, (_, index) => this.buckets.get(last - BUCKETS + 1 + index))
  }

  private forgetBefore(bucket: number): void {
    for (const known of this.buckets.keys()) {
      if (known <= bucket) this.buckets.delete(known)
    }
  }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
