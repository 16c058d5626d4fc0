import { run } from '../../fakes/worldRuns.ts'
import { describe, it } from 'vitest'

// Thousands of runs: COUNTERSIGN_RUNS=3000 COUNTERSIGN_SEED=1 npm run test:unit -- --project tests property. A failure prints the seed and
// the path; COUNTERSIGN_PATH replays it, as far as the machine's timing lets it.

describe('whatever happens to a session', () => {
  it('no call is executed twice, none is lost without a word, and both ends tell the same history', async () => {
    await run(600_000)
  }, 86_400_000)
})
