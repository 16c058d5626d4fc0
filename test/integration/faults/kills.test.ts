import { afterAll, beforeAll, expect, it } from 'vitest'
import { CLEAN, clean, type Counts, noCounts, randomOf } from '../../faults/counts.ts'
import { Kills } from '../../faults/kills.ts'

/** A sample of what `npm run faults` does 200 times: a process of the chain is killed in the middle of calls. */
const SEED = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 32)
let kills: Kills
let counts: Counts

beforeAll(async () => {
  counts = noCounts()
  kills = await Kills.open(randomOf(SEED), counts)
})

afterAll(() => kills.close())

it.each([
  ['gateway', 2],
  ['client-key', 1],
  ['gateway-key', 1],
  ['server', 1],
] as const)(
  `%s, killed %i times in the middle of calls, costs none that was answered (FAULTS_SEED=${SEED})`,
  async (victim, times) => {
    const before = counts.kills
    await kills.run(victim, times)
    expect(clean(counts)).toEqual(CLEAN)
    expect(counts.kills).toBe(before + times)
  },
)

it(`a connection of the real programs that is cut after any byte, and again on its way back (FAULTS_SEED=${SEED})`, async () => {
  await kills.run('connection', 4)
  expect(clean(counts)).toEqual(CLEAN)
  expect(counts.cuts).toBe(8)
})

it('and leaves journals that are torn at most', async () => {
  await kills.finish()
  expect(clean(counts)).toEqual(CLEAN)
})
