import type { PanelSeries } from '../../contracts/panelSession.ts'

const BUCKET_MS = 5_000
const BUCKETS = 60
/** Of a bucket's values, those that its median is taken from: a busy gateway must not make figures cost more than its calls. */
const SAMPLE = 512

class Bucket {
  count = 0
  private readonly sample: number[] = []
  private known: number | undefined

  add(value: number): void {
    this.count++
    this.known = undefined
    if (this.sample.length < SAMPLE) this.sample.push(value)
    // Evenly over the bucket, not its first half second only.
    else if (this.count % Math.ceil(this.count / SAMPLE) === 0) this.sample[this.count % SAMPLE] = value
  }

  get median(): number {
    this.known ??= medianOf(this.sample)
    return this.known
  }
}

/** A figure over the last five minutes. It holds what was measured and no timer: old buckets fall out when somebody looks. */
export class Series {
  private readonly buckets = new Map<number, Bucket>()

  add(value: number, at: number): void {
    const number = Math.floor(at / BUCKET_MS)
    let bucket = this.buckets.get(number)
    if (bucket === undefined) {
      bucket = new Bucket()
      this.buckets.set(number, bucket)
      this.forgetBefore(number - BUCKETS)
    }
    bucket.add(value)
  }

  /** Values a second; a bucket without any is 0. */
  rate(now: number): PanelSeries {
    const values = this.window(now).map((bucket) => (bucket?.count ?? 0) / (BUCKET_MS / 1000))
    // The bucket that is being filled would always look slow.
    return { now: values.at(-2) === 0 ? (values.at(-1) ?? 0) : (values.at(-2) ?? 0), values }
  }

  /** The median of each bucket; null where nothing was measured. */
  median(now: number): PanelSeries {
    const values = this.window(now).map((bucket) => bucket?.median ?? null)
    const last = values.findLast((value) => value !== null)
    return last === undefined || last === null ? { values } : { now: last, values }
  }

  /** Whether anything was measured in the last five minutes. */
  active(now: number): boolean {
    return this.window(now).some((bucket) => bucket !== undefined)
  }

  private window(now: number): (Bucket | undefined)[] {
    const last = Math.floor(now / BUCKET_MS)
    return Array.from({ length: BUCKETS }, (_, index) => this.buckets.get(last - BUCKETS + 1 + index))
  }

  private forgetBefore(number: number): void {
    for (const known of this.buckets.keys()) {
      if (known <= number) this.buckets.delete(known)
    }
  }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
