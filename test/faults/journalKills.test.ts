import { expect, it } from 'vitest'
import { CLEAN, clean, noCounts, randomOf, report } from './counts.ts'
import { JournalKills } from './journalKills.ts'

const SEED = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 32)
const KILLS = Number(process.env['FAULTS_JOURNAL_KILLS'] ?? 300)

it(`journals of both ends, killed while they write (FAULTS_SEED=${SEED})`, async () => {
  const counts = noCounts()
  const random = randomOf(SEED)
  const kills = await JournalKills.open(random, counts)
  try {
    for (let done = 0; done < KILLS; done++) {
      await kills.kill(random() < 0.5 ? 'gateway' : 'connect')
      if (done % 50 === 49) await kills.judge()
      report('journalKills', counts)
    }
    await kills.judge()
    report('journalKills', counts)
  } finally {
    await kills.close()
  }
  expect(clean(counts)).toEqual(CLEAN)
  expect(kills.answers).toBeGreaterThan(KILLS / 2)
})
