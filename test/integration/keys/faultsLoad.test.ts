import { describe, expect, it } from 'vitest'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { Calls } from './faultsCalls.ts'
import { faultsStands, responsive, type Stand } from './faultsStand.ts'
import { sleep } from './support.ts'

const reason = await whyNoFaultyToken()
const IN_FLIGHT = 64

/** What happens while 64 calls are in flight, and whether it may cost one of them its signature. */
interface Trouble {
  readonly what: string
  readonly begin: (stand: Stand) => Promise<void> | void
  readonly end?: (stand: Stand) => Promise<void> | void
  readonly costs: boolean
}

const TROUBLES: readonly Trouble[] = [
  { what: 'nothing', begin: () => {}, costs: false },
  {
    what: 'the token removed and put back',
    begin: async ({ faults }) => {
      faults.remove()
      await sleep(300)
      faults.putBack()
    },
    costs: true,
  },
  { what: 'the token removed for a moment', begin: ({ faults }) => (faults.remove(), faults.putBack()), costs: false },
  { what: 'the session handles invalidated', begin: ({ faults }) => faults.endSessions(), costs: false },
  { what: 'the login lost', begin: ({ faults }) => faults.endLogin(), costs: false },
  {
    what: 'the PIN locked by somebody else, with the login',
    begin: ({ faults }) => (faults.lockPin(), faults.endLogin()),
    end: ({ faults }) => faults.lockPin(false),
    costs: true,
  },
  {
    what: 'the process killed',
    begin: ({ keyProcess }) => void process.kill(keyProcess.pid ?? 0, 'SIGKILL'),
    costs: false,
  },
  { what: 'a crash', begin: ({ faults }) => faults.place({ at: 'C_Sign', what: 'crash', times: 1 }), costs: false },
  {
    what: 'a signature that hangs',
    begin: ({ faults }) => faults.place({ at: 'C_Sign', what: 'hang', times: 1 }),
    costs: false,
  },
  {
    what: 'one wrong signature',
    begin: ({ faults }) => faults.place({ at: 'C_Sign', what: 'bytes', number: 9, times: 1 }),
    costs: false,
  },
  {
    what: 'wrong signatures for a while',
    begin: ({ faults }) => faults.place({ at: 'C_Sign', what: 'bytes', number: 9, times: 5 }),
    costs: true,
  },
  {
    what: 'a device error now and then',
    begin: ({ faults }) => faults.place({ at: 'C_Sign', what: 'answer', number: 0x30, times: 3 }),
    costs: true,
  },
]

describe.skipIf(reason !== undefined)(`64 calls in flight${reason ? ` skipped: ${reason}` : ''}`, () => {
  const standWith = faultsStands('faultsLoad')

  it('several sessions in three lanes: signatures beside each other, and every chain is whole', async () => {
    const stand = await standWith({ lanes: 3 })
    stand.faults.place({ at: 'C_Sign', what: 'slow', number: 150 })
    const sessions = await Promise.all(Array.from({ length: 5 }, () => Calls.begin(stand.signer, stand.batches)))
    const before = stand.faults.calls().length
    const outcomes = await Promise.all(sessions.map((calls) => calls.make(12)))
    expect(new Set(outcomes.flat())).toEqual(new Set(['answered']))
    const signing = stand.faults
      .calls()
      .slice(before)
      .filter((line) => line.startsWith('C_Sign '))
    expect(Math.max(...signing.map((line) => Number(line.split(' ')[1])))).toBe(3)
    for (const calls of sessions) {
      await calls.check()
      await calls.close()
    }
  })

  it.each(TROUBLES)('$what: one outcome each, nothing unsigned, and the next call works', async (trouble) => {
    const deadlines = { sign: 2_500 }
    const stand = await standWith({ deadlines, lanes: 2 })
    // Small batches and slow signatures: the fault comes while some are signed, one is being signed, and most wait.
    const batches = new BatchSigner(stand.signer, { limit: 4, lanes: stand.signer.lanes })
    stand.faults.place({ at: 'C_Sign', what: 'slow', number: 15 })
    const calls = await Calls.begin(stand.signer, batches)
    await responsive(async () => {
      const before = stand.faults.count('C_Sign')
      const made = calls.make(IN_FLIGHT)
      while (stand.faults.count('C_Sign') < before + 3) await sleep(5)
      await trouble.begin(stand)
      const outcomes = await made
      await trouble.end?.(stand)
      expect(outcomes).toHaveLength(IN_FLIGHT)
      const failed = outcomes.filter((outcome) => outcome !== 'answered')
      expect(failed.filter((outcome) => outcome !== 'signer-unavailable')).toEqual([])
      if (!trouble.costs) expect(failed).toEqual([])
      expect(failed.length).toBeLessThan(IN_FLIGHT)
      expect(await calls.make(1)).toEqual(['answered'])
    })
    await calls.check()
    await calls.close()
    batches.dispose()
  })
})
