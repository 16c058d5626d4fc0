import { type Measured, type Ratio, ratio, type Setting, type Table } from '../measured.ts'
import { cpuSeconds } from '../processes.ts'
import { drive, driveFor, median, percentile } from '../stats.ts'
import { type Chain, Servers } from './chains.ts'
import { OurChains } from './ours.ts'
import { PEERS } from './peers.ts'

/** Bytes of the text that goes there and back, calls before the first is measured, milliseconds of a slice with so many in flight. */
const SIZES = [
  { name: '100 B', bytes: 100, warm: 2000, slices: { 1: 400, 16: 400, 64: 500 } },
  { name: '64 KiB', bytes: 65_536, warm: 400, slices: { 1: 600, 16: 600, 64: 900 } },
] as const
const IN_FLIGHT = [1, 16, 64] as const

/** What one chain did in one slice. */
interface Slice {
  readonly p50: number
  readonly latencies: readonly number[]
  readonly perSecond: number
  /** Microseconds of CPU a call, by process. */
  readonly cpu: ReadonlyMap<string, number>
}

/** `tools/call` of one server through everything that can stand in front of it, in turns. */
export async function measureCalls({ root, folder, rounds }: Setting): Promise<Measured> {
  const servers = new Servers(`${root}test/output/bench/echoServer.mjs`)
  const url = await servers.http()
  const ours = await OurChains.start(root, servers, url)
  try {
    const { chains, skipped } = await start(servers, ours, url, folder)
    for (const { call } of chains) await warm(call)
    const slices = new Map<string, Slice[]>()
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`  round ${round + 1} of ${rounds}, ${chains.length} chains\n`)
      for (const size of SIZES) {
        for (const inFlight of IN_FLIGHT) {
          for (const chain of chains) {
            const slice = await measure(chain, size.bytes, inFlight, size.slices[inFlight])
            const key = keyOf(chain, size.name, inFlight)
            slices.set(key, [...(slices.get(key) ?? []), slice])
          }
        }
      }
    }
    return { tables: tables(chains, slices), ratios: ratios(chains, slices), skipped }
  } finally {
    servers.close()
    await ours.close()
  }
}

async function start(
  servers: Servers,
  ours: OurChains,
  url: string,
  folder: string,
): Promise<{ chains: Chain[]; skipped: string[] }> {
  const chains = [await servers.directStdio(), await servers.directHttp(url)]
  chains.push(await ours.vaultHttp('stdio'))
  const skipped: string[] = []
  const add = async (name: string, starting: Promise<Chain>): Promise<void> => {
    try {
      chains.push(await starting)
    } catch (error) {
      skipped.push(`calls through ${name}: ${(error instanceof Error ? error.message : String(error)).slice(0, 300)}`)
    }
  }
  await add('an NSS token', ours.tokenHttp())
  chains.push(await ours.vaultHttp('http'), await ours.vaultStdio('http'))
  for (const peer of PEERS) {
    await add(peer.name, servers.peer(peer, url, `${folder}/${peer.name.replaceAll(/\W+/g, '-')}`))
  }
  return { chains, skipped }
}

/**
 * Code that was run only a few times is interpreted, and buffers have to grow: what is measured is an hour's work, not the first
 * second. As many calls for each chain, not as much time: the slower one would be measured colder.
 */
async function warm(call: Chain['call']): Promise<void> {
  for (const { bytes, warm } of SIZES) await drive(warm, 16, () => call('x'.repeat(bytes)))
}

async function measure({ call, front }: Chain, bytes: number, inFlight: number, ms: number): Promise<Slice> {
  const text = 'x'.repeat(bytes)
  const before = front.map(({ pid }) => cpuSeconds(pid))
  const { latencies, perSecond } = await driveFor(ms, inFlight, () => call(text))
  const cpu = new Map<string, number>()
  for (const [index, { name, pid }] of front.entries()) {
    const used = cpuSeconds(pid) - (before[index] ?? 0)
    cpu.set(name, (cpu.get(name) ?? 0) + (used / latencies.length) * 1e6)
  }
  return { p50: percentile(latencies, 50), latencies, perSecond, cpu }
}

function tables(chains: readonly Chain[], slices: ReadonlyMap<string, readonly Slice[]>): Table[] {
  return SIZES.flatMap(({ name: size }) => {
    const of = (chain: Chain, inFlight: number): readonly Slice[] => slices.get(keyOf(chain, size, inFlight)) ?? []
    const speed = {
      title: `tools/call, ${size}`,
      columns: IN_FLIGHT.flatMap((count) => [`p50 ms at ${count}`, `p99 ms at ${count}`, `calls/s at ${count}`]),
      rows: chains.map((chain) => ({
        name: chain.name,
        values: IN_FLIGHT.flatMap((inFlight) => {
          const found = of(chain, inFlight)
          // The slowest hundredth of one slice is a handful of calls: all rounds together say more.
          const all = found.flatMap(({ latencies }) => latencies)
          return [median(found.map(({ p50 }) => p50)), percentile(all, 99), median(found.map((one) => one.perSecond))]
        }),
      })),
    }
    const cpu = {
      title: `CPU between agent and server, µs a call, ${size}`,
      columns: IN_FLIGHT.map((count) => `at ${count}`),
      rows: chains.flatMap((chain) => {
        const names = [...new Set(chain.front.map(({ name }) => name))]
        const rows = names.map((name) => ({
          name: names.length === 1 ? chain.name : `  ${name}`,
          values: IN_FLIGHT.map((inFlight) => median(of(chain, inFlight).map(({ cpu }) => cpu.get(name) ?? 0))),
        }))
        if (names.length <= 1) return rows
        const sum = (slice: Slice): number => [...slice.cpu.values()].reduce((one, other) => one + other, 0)
        const all = { name: chain.name, values: IN_FLIGHT.map((count) => median(of(chain, count).map(sum))) }
        return [all, ...rows.map((row) => ({ ...row, name: `${row.name} (${chain.name})` }))]
      }),
    }
    return [speed, cpu]
  })
}

function ratios(chains: readonly Chain[], slices: ReadonlyMap<string, readonly Slice[]>): Record<string, Ratio> {
  const found: Record<string, Ratio> = {}
  const at = (chain: Chain | undefined, size: string, inFlight: number, of: (slice: Slice) => number): number =>
    chain === undefined ? Number.NaN : median((slices.get(keyOf(chain, size, inFlight)) ?? []).map(of))
  const named = (start: string): Chain | undefined => chains.find(({ name }) => name.startsWith(start))
  const [vault, token, proxy] = [
    named('countersign, vault, http to stdio'),
    named('countersign, NSS'),
    named('mcp-proxy'),
  ]
  for (const { name: size } of SIZES) {
    if (proxy !== undefined) {
      const value = at(vault, size, 1, ({ p50 }) => p50) / at(proxy, size, 1, ({ p50 }) => p50)
      found[`p50 of one call of ${size}, vault, over mcp-proxy`] = ratio(value, '<=', size === '100 B' ? 0.9 : 0.8)
    }
    const peers = chains.filter(({ unsigned, front }) => unsigned && front.length > 0)
    if (token === undefined || peers.length === 0) continue
    const best = Math.max(...peers.map((peer) => at(peer, size, 64, ({ perSecond }) => perSecond)))
    const value = at(token, size, 64, ({ perSecond }) => perSecond) / best
    found[`calls/s of ${size}, 64 in flight, NSS token, over the fastest unsigned proxy`] = ratio(value, '>', 1)
  }
  return found
}

function keyOf(chain: Chain, size: string, inFlight: number): string {
  return `${chain.name} ${size} ${inFlight}`
}
