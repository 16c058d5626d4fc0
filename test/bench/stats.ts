/** The p-th percentile, 0 ≤ p ≤ 100, by nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN
}

/** Runs `job` `count` times with `inFlight` at once. Latencies in milliseconds, and completions a second. */
export async function drive(
  count: number,
  inFlight: number,
  job: (index: number) => Promise<void>,
): Promise<{ readonly latencies: readonly number[]; readonly perSecond: number }> {
  const latencies: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const started = performance.now()
      await job(index)
      latencies.push(performance.now() - started)
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: inFlight }, worker))
  return { latencies, perSecond: (count / (performance.now() - started)) * 1000 }
}
