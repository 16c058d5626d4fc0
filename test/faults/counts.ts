import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What a run did and what it found. What is lost, repeated and wrong has to be nothing. */
export interface Counts {
  cuts: number
  /** Cuts behind the last byte that came, as when an acknowledgement was not needed. */
  missed: number
  kills: number
  /** Calls that were made. */
  calls: number
  /** Calls without an answer or an error that may come here. */
  lost: number
  /** Calls that were carried out more than once. */
  repeated: number
  /** Answers that are not the right one, and errors that say something false about what was carried out. */
  wrong: number
  /** Calls with an unknown outcome, by what was killed. */
  readonly unknown: Record<string, number>
  /** What each of the first findings was, for whoever has to look into it. */
  readonly findings: string[]
}

export function noCounts(): Counts {
  return { cuts: 0, missed: 0, kills: 0, calls: 0, lost: 0, repeated: 0, wrong: 0, unknown: {}, findings: [] }
}

export function found(counts: Counts, kind: 'lost' | 'repeated' | 'wrong', what: string): void {
  counts[kind] += 1
  if (counts.findings.length < 20) counts.findings.push(`${kind}: ${what}`)
}

/** What the findings and counts have to be. */
export function clean({ lost, repeated, wrong, findings }: Counts): unknown {
  return { lost, repeated, wrong, findings }
}

export const CLEAN = { lost: 0, repeated: 0, wrong: 0, findings: [] } as const

/** For `npm run faults`, which adds up what its parts did. */
export function report(part: string, counts: Counts): void {
  const folder = fileURLToPath(new URL('../output/faults/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${part}.json`, JSON.stringify(counts))
}

/** A source of numbers that gives the same ones for the same seed: what was found can be looked for again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of each of `count` equal parts of the range, at a random place of it; all of the range where `count` is not less. */
export function stratified(from: number, to: number, count: number, random: () => number): number[] {
  const width = (to - from) / count
  if (width <= 1) return Array.from({ length: to - from }, (_, index) => from + index)
  return Array.from({ length: count }, (_, index) => Math.floor(from + (index + random()) * width))
}
