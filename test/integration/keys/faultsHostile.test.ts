import { rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openVaultSigner } from '../../../src/keys/hsm/signer.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { buildKeyProcess } from './bundle.ts'
import { Calls } from './faultsCalls.ts'
import { responsive } from './faultsStand.ts'
import { folder, gone, MemoryLog } from './support.ts'

const at = folder()
const made: KeyProcess[] = []
let real = ''
beforeAll(async () => {
  real = await buildKeyProcess('faultsHostile')
})
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

/** The real process with an attacker in front of it, from when it is armed. */
async function takenOver(behaviour: string) {
  const name = `taken${made.length}`
  const armed = at.file(`${name}.armed`)
  const fake = new URL('../../fakes/hostileProcess.mjs', import.meta.url).href
  const options = JSON.stringify({ real, behaviour, armed })
  writeFileSync(at.file(`${name}.mjs`), `import { serve } from ${JSON.stringify(fake)}\nserve(${options})\n`)
  const log = new MemoryLog()
  const keyProcess = new KeyProcess({ path: at.file(`${name}.mjs`), holds: { kind: 'vault' }, log })
  made.push(keyProcess)
  const unlock = { keyFile: at.file(`${name}.key`) }
  const file = at.file(`${name}.vault`)
  const signer = await openVaultSigner({ keyProcess, file, unlock, log, create: 'ML-DSA-87' })
  return { keyProcess, signer, arm: () => writeFileSync(armed, ''), disarm: () => rmSync(armed) }
}

describe('a key process that is taken over in the middle of a session', () => {
  it.each([
    ['wrong signature', responsive],
    ['wrong length', responsive],
    ['unknown message', responsive],
    ['somebody else’s id', responsive],
    ['a flood', responsive],
    // Node reads a message to its end before anybody can refuse it: how long that holds the editor up is not measured here.
    ['a reply of 64 MiB', (work: () => Promise<void>) => work()],
  ])(
    '%s: none of 64 calls gets out, the process ends, the editor goes on, and so does the session',
    async (behaviour, measured) => {
      const { keyProcess, signer, arm, disarm } = await takenOver(behaviour)
      const batches = new BatchSigner(signer)
      const calls = await Calls.begin(signer, batches)
      expect(await calls.make(1)).toEqual(['answered'])
      await measured(async () => {
        const { pid } = keyProcess
        arm()
        expect(new Set(await calls.make(64))).toEqual(new Set(['signer-unavailable']))
        expect(await gone(pid ?? 0)).toBe(true)
        disarm()
        expect(await calls.make(8)).toEqual(Array.from({ length: 8 }, () => 'answered'))
      })
      await calls.check()
      await calls.close()
      batches.dispose()
    },
  )

  it('the right reply twice: the first is used, and the process ends for the second', async () => {
    const { keyProcess, signer, arm } = await takenOver('the reply twice')
    const batches = new BatchSigner(signer)
    const calls = await Calls.begin(signer, batches)
    const { pid } = keyProcess
    arm()
    expect(await calls.make(1)).toEqual(['answered'])
    expect(await gone(pid ?? 0)).toBe(true)
    await calls.check()
    await calls.close()
    batches.dispose()
  })
})
