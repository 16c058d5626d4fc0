import { expect, it, vi } from 'vitest'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import type * as Suite from '../../../src/crypto/suite.ts'
import { openConnection } from '../../../src/session/openConnection.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { Party } from '../../fakes/party.ts'

const keys = vi.hoisted(() => ({ made: 0, wiped: 0 }))

vi.mock('../../../src/crypto/suite.ts', async (original) => {
  const real = await original<typeof Suite>()
  const generateHybridKey: typeof real.generateHybridKey = async (suite) => {
    const key = await real.generateHybridKey(suite)
    keys.made += 1
    const wipe = (): void => {
      keys.wiped += 1
      key.wipe()
    }
    return { ...key, wipe }
  }
  return { ...real, generateHybridKey }
})

it('wipes the key that was made for a carrier that never came', async () => {
  const { identity } = (await Party.create(1, 'editor')).ports
  const trust = { checkGateway: async () => 'accept' as const }
  const carrier = async () => {
    throw new CountersignError('gateway-unreachable', 'Nobody listens there.')
  }
  const options = { identity, carrier, trust, suites: DEFAULT_SUITES, clock: systemClock }
  await expect(openConnection(options)).rejects.toMatchObject({ code: 'gateway-unreachable' })
  await vi.waitFor(() => expect(keys).toEqual({ made: 1, wiped: 1 }))
})
