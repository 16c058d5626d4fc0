/** The p-th percentile, 0 ≤ p ≤ 100, by nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export interface Driven {
  /** Milliseconds of each job, in the order in which they ended. */
  readonly latencies: readonly number[]
  readonly seconds: number
  readonly perSecond: number
}

/** Runs `job` `count` times with `inFlight` at once. */
export function drive(count: number, inFlight: number, job: (index: number) => Promise<void>): Promise<Driven> {
  return driveWhile((begun) => begun < count, inFlight, job)
}

/** Runs `job` with `inFlight` at once until so many milliseconds are over, and those that run by then to their end. */
export function driveFor(ms: number, inFlight: number, job: (index: number) => Promise<void>): Promise<Driven> {
  const end = performance.now() + ms
  return driveWhile(() => performance.now() < end, inFlight, job)
}

async function driveWhile(
  goesOn: (begun: number) => boolean,
  inFlight: number,
  job: (index: number) => Promise<void>,
): Promise<Driven> {
  const latencies: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (goesOn(next)) {
      const index = next++
      const started = performance.now()
      await job(index)
      latencies.push(performance.now() - started)
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: inFlight }, worker))
  const seconds = (performance.now() - started) / 1000
  return { latencies, seconds, perSecond: latencies.length / seconds }
}
