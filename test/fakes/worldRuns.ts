import * as fc from 'fast-check'
import { expect } from 'vitest'
import { MAX_CONTEXT } from '../../src/session/limits.ts'
import { RECORD } from '../../src/session/channel/record.ts'
import { type Step, World } from './world.ts'
import { checkWorld } from './worldChecks.ts'

const who = fc.constantFrom('client', 'gateway')
const noticing = fc.constantFrom('client', 'gateway', 'both', 'both')
const fate = fc.constantFrom('arrives', 'lost', 'late')
const times = fc.integer({ min: 1, max: 4 })
const does = <K extends Step['do']>(what: K): { do: fc.Arbitrary<K> } => ({ do: fc.constant(what) })

/** Mostly small, because what goes wrong does so between records and not within them. @param big bytes of the largest */
function sizes(big: number): fc.Arbitrary<number> {
  const [small, medium, large] = [fc.nat(300), fc.nat(Math.floor(big / 8)), fc.nat(big)]
  return fc.oneof({ weight: 4, arbitrary: small }, { weight: 2, arbitrary: medium }, { weight: 1, arbitrary: large })
}

function scripts(big: number): fc.Arbitrary<Step[]> {
  const plan = fc.record({
    request: sizes(big),
    answer: sizes(big / 2),
    events: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
    ),
    work: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(30) }),
  })
  const type = fc.constantFrom(...Object.values(RECORD))
  const weighted: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
    [100, fc.record({ ...does('call'), plan })],
    [12, fc.record({ ...does('cancel'), back: fc.nat(3) })],
    [24, fc.record({ ...does('turns'), count: fc.integer({ min: 1, max: 30 }) })],
    [30, fc.record({ ...does('pause'), ms: fc.integer({ min: 1, max: 60 }) })],
    [12, fc.record({ ...does('cut'), noticing })],
    [24, fc.record({ ...does('last'), from: who, type, fate, noticing })],
    [16, fc.record({ ...does('handshake'), from: who, frame: fc.nat(2), fate, noticing })],
    [6, fc.record({ ...does('network'), up: fc.boolean() })],
    [12, fc.record({ ...does('signer'), of: who, fails: fc.nat(2), slow: fc.nat(40), times })],
    [8, fc.record({ ...does('journal'), of: who, slow: fc.nat(40), times })],
    [8, fc.record({ ...does('consumer'), of: who, slow: fc.nat(60), times })],
    [12, fc.record({ ...does('epochs'), contexts: fc.constantFrom(1, 3, 8, 2 ** 16) })],
    // Each of them is the end of a session: rare, or there would be little else to see.
    [2, fc.record({ ...does('restart') })],
    [2, fc.record({ ...does('close'), by: who })],
  ]
  const step = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))
  return fc.array(step, { minLength: 4, maxLength: 40, size: 'max' })
}

/** Timers and sockets that would keep the process alive. */
const keepingAlive = (): string =>
  process
    .getActiveResourcesInfo()
    .filter((what) => what === 'Timeout')
    .join()

/** Milliseconds that are spent where nobody asks for a number of runs. */
const BRIEFLY = 10_000

/** Runs scripts until the time or their number is over. @param big bytes of the largest request */
export async function run(big: number): Promise<void> {
  const { COUNTERSIGN_RUNS: runs, COUNTERSIGN_SEED: asked, COUNTERSIGN_PATH: path } = process.env
  const seed = Number(asked ?? Date.now() % 2 ** 31)
  const deadline = performance.now() + BRIEFLY
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const tally = new Map<string, number>()
  const count = (what: string, many = 1): void => void tally.set(what, (tally.get(what) ?? 0) + many)

  const report = (): void => void process.stdout.write(`seed ${seed}: ${JSON.stringify(Object.fromEntries(tally))}\n`)

  const property = fc.asyncProperty(scripts(big), fc.nat(19), async (script, probe) => {
    // Not fast-check's own limit, which leaves the run that it interrupts behind, still at work.
    if (runs === undefined && performance.now() > deadline) return
    const before = keepingAlive()
    const world = await World.create()
    for (const step of script) await world.take(step)
    await world.settle()
    // More than the credit of an exchange, and sometimes all that a context may be: none of it was lost on the way.
    await world.probe(probe === 0 ? MAX_CONTEXT - 1000 : 2 * big)
    await checkWorld(world)
    expect(unhandled.splice(0)).toEqual([])
    await expect.poll(keepingAlive, { timeout: 2000 }).toBe(before)
    count('runs')
    if ((tally.get('runs') ?? 0) % 50 === 0) report()
    count('epochs', world.client.party.epochs.length)
    for (const { kind } of world.client.party.connections) count(kind)
    for (const { calls } of world.lines) for (const { outcomes } of calls) count(outcomes.join())
  })
  try {
    await fc.assert(property, {
      seed,
      ...(path !== undefined && { path }),
      numRuns: Number(runs ?? 100),
      timeout: 60_000,
      endOnFailure: true,
    })
  } finally {
    process.off('unhandledRejection', note)
    report()
  }
  // Without this a generator gone wrong would pass everything.
  if (path === undefined) expect(tally.get('answered') ?? 0).toBeGreaterThan(0)
}
