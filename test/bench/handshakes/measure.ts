import { node24 } from '../../setup/node24.mjs'
import { type Measured, type Ratio, ratio, type Setting } from '../measured.ts'
import { median, percentile } from '../stats.ts'
import { Pair } from './pairs.ts'

/** Handshakes of one round. */
const ROUND = { alone: 40, many: 64 } as const
const IN_FLIGHT = 8

/** Whole handshakes over loopback, each end in a process of its own with its key in a vault, against Node 24's TLS 1.3. */
export async function measureHandshakes({ root, folder, rounds }: Setting): Promise<Measured> {
  const pairs = [
    await Pair.ours(`countersign, Node ${major(process.version)}`, process.execPath, root, `${folder}/own`),
  ]
  const skipped: string[] = []
  try {
    const { node } = await node24()
    pairs.push(await Pair.ours('countersign, Node 24', node, root, `${folder}/node24`))
    pairs.push(await Pair.tls('TLS 1.3 of Node 24', node, root))
  } catch (error) {
    skipped.push(`handshakes under Node 24: ${error instanceof Error ? error.message : String(error)}`)
  }
  try {
    const found = await inTurns(pairs, rounds)
    const rows = pairs.map(({ name }, index) => ({ name, values: found[index] ?? [] }))
    const columns = ['p50 ms', 'p99 ms', 'per second at 1', `per second at ${IN_FLIGHT}`]
    const ratios: Record<string, Ratio> = {}
    const theirs = rows.find(({ name }) => name.startsWith('TLS'))?.values[0]
    for (const { name, values } of rows) {
      const [p50] = values
      if (theirs === undefined || p50 === undefined || name.startsWith('TLS')) continue
      ratios[`handshake p50, ${name}, over TLS 1.3 of Node 24`] = ratio(p50 / theirs, '<=', 1)
    }
    return { tables: [{ title: 'handshakes, ML-DSA-87 at both ends', columns, rows }], ratios, skipped }
  } finally {
    for (const pair of pairs) pair.close()
  }
}

/** p50, p99 and rates of each. */
async function inTurns(pairs: readonly Pair[], rounds: number): Promise<number[][]> {
  const runs = pairs.map(() => ({
    p50: [] as number[],
    all: [] as number[],
    alone: [] as number[],
    many: [] as number[],
  }))
  for (const pair of pairs) await pair.run(ROUND.many, IN_FLIGHT)
  for (let round = 0; round < rounds; round++) {
    for (const [index, pair] of pairs.entries()) {
      const { latencies, perSecond } = await pair.run(ROUND.alone, 1)
      const many = await pair.run(ROUND.many, IN_FLIGHT)
      runs[index]?.p50.push(percentile(latencies, 50))
      runs[index]?.all.push(...latencies)
      runs[index]?.alone.push(perSecond)
      runs[index]?.many.push(many.perSecond)
    }
  }
  return runs.map(({ p50, all, alone, many }) => [median(p50), percentile(all, 99), median(alone), median(many)])
}

function major(version: string): string {
  return version.replace(/^v(\d+).*$/, '$1')
}
