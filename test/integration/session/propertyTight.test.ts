import { describe, it, vi } from 'vitest'
import type * as Limits from '../../../src/session/limits.ts'
import { run } from '../../fakes/worldRuns.ts'

// The same code with limits so small that credit, acknowledgements and the carrier run out all the time, not after megabytes.
vi.mock('../../../src/session/limits.ts', async (original) => ({
  ...(await original<typeof Limits>()),
  MAX_FRAGMENT: 4_000,
  MAX_CONTEXT: 60_000,
  MAX_IN_CARRIER: 8_000,
  EXCHANGE_CREDIT: 16_000,
  SESSION_CREDIT: 80_000,
  MAX_UNACKNOWLEDGED: 6,
  ACK_EVERY: 4,
  ACK_DELAY: 20,
}))

describe('whatever happens to a session whose limits are met all the time', () => {
  it('no call is executed twice, none is lost without a word, and both ends tell the same history', async () => {
    await run(25_000)
  }, 86_400_000)
})
