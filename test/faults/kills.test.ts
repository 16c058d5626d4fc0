import { expect, it } from 'vitest'
import { CLEAN, clean, noCounts, randomOf, report } from './counts.ts'
import { Kills } from './kills.ts'

const SEED = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 32)
const KILLS = Number(process.env['FAULTS_KILLS'] ?? 200)
const SHARES = { gateway: 0.3, 'client-key': 0.25, 'gateway-key': 0.2, server: 0.25 } as const

it(`processes that are killed in the middle of calls (FAULTS_SEED=${SEED})`, async () => {
  const counts = noCounts()
  const kills = await Kills.open(randomOf(SEED), counts)
  try {
    for (const victim of ['gateway', 'client-key', 'gateway-key', 'server'] as const) {
      await kills.run(victim, Math.round(KILLS * SHARES[victim]))
      report('kills', counts)
    }
    await kills.run('connection', KILLS / 2)
    await kills.finish()
    report('kills', counts)
  } finally {
    await kills.close()
  }
  expect(clean(counts)).toEqual(CLEAN)
  // Only who could have said what became of a call may leave it open.
  expect(Object.keys(counts.unknown).filter((victim) => victim.endsWith('-key'))).toEqual([])
})
