import { afterAll, describe, expect, it } from 'vitest'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { initFaultyToken, whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { buildKeyProcess } from './bundle.ts'
import { bytes, folder, MemoryLog } from './support.ts'

const reason = await whyNoFaultyToken()
const PIN = 'planted-4711'
const at = folder()
const made: KeyProcess[] = []
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

describe.skipIf(reason !== undefined)(`a glance at a module${reason ? ` skipped: ${reason}` : ''}`, () => {
  it('shows a token that is locked, taken out and put back, and opens no session for it', async () => {
    const path = await buildKeyProcess('glance')
    const { faults, ...token } = await initFaultyToken(at.file('token'), { pin: PIN })
    const holds = { kind: 'module', path: token.module, libraryParameters: token.libraryParameters } as const
    const keyProcess = new KeyProcess({ path, holds, log: new MemoryLog() })
    made.push(keyProcess)
    const look = async () => (await keyProcess.call('glance', {})).state
    const began = faults.count('C_OpenSession')
    const there = await look()
    faults.lockPin()
    const locked = await look()
    faults.lockPin(false)
    expect(await look()).toBe(there)
    faults.remove()
    const gone = await look()
    faults.putBack()
    const back = await look()
    expect(new Set([there, locked, gone]).size).toBe(3)
    expect(back).toBe(there)
    expect(faults.count('C_OpenSession')).toBe(began)
    await keyProcess.login({ slot: token.slot }, bytes(PIN))
    const open = await look()
    expect(open).not.toBe(there)
    // Somebody else ended the login: no call of ours did.
    faults.endLogin()
    expect(await look()).not.toBe(open)
  })
})
