import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { initFaultyToken, type FaultyToken, whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { buildKeyProcess } from './bundle.ts'
import { bytes, fakeKeyProcess, folder, MemoryLog } from './support.ts'

const at = folder()
const made: KeyProcess[] = []
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

/** A process that answers nothing for longer than its deadlines while its login runs, as a module does at a keypad. */
function slow(): KeyProcess {
  const { path } = fakeKeyProcess(at.path, 'keypad')
  const deadlines = { login: 300, glance: 300 }
  const keyProcess = new KeyProcess({ path, holds: { kind: 'vault' }, log: new MemoryLog(), deadlines })
  made.push(keyProcess)
  return keyProcess
}

describe('a token with a keypad', () => {
  it('gives the person time, also for what was asked before and meanwhile', async () => {
    const keyProcess = slow()
    await keyProcess.connection()
    const before = keyProcess.call('glance', {})
    const login = keyProcess.login({ slot: 1 }, null)
    const meanwhile = keyProcess.call('glance', {})
    await expect(Promise.all([before, login, meanwhile])).resolves.toHaveLength(3)
  })

  it('costs a process its life where nobody is at the keypad', async () => {
    const keyProcess = slow()
    await keyProcess.connection()
    await expect(keyProcess.login({ slot: 1 }, bytes('1234'))).rejects.toMatchObject({ code: 'signer-timeout' })
  })
})

const reason = await whyNoFaultyToken()
const PIN = 'typed-4711'

describe.skipIf(reason !== undefined)(`a PIN that is typed at the token${reason ? ` skipped: ${reason}` : ''}`, () => {
  let path = ''
  let tokens = 0

  beforeAll(async () => {
    path = await buildKeyProcess('keypad')
  })

  async function withKeypad(typed: string): Promise<{ keyProcess: KeyProcess; token: FaultyToken }> {
    const token = await initFaultyToken(at.file(`keypad-${(tokens += 1)}`), { pin: PIN })
    token.faults.typeAtKeypad(typed)
    const holds = { kind: 'module', path: token.module, libraryParameters: token.libraryParameters } as const
    const keyProcess = new KeyProcess({ path, holds, log: new MemoryLog() })
    made.push(keyProcess)
    return { keyProcess, token }
  }

  it('unlocks it without a PIN of ours, and makes a key', async () => {
    const { keyProcess, token } = await withKeypad(PIN)
    const where = { slot: token.slot }
    await keyProcess.login(where, null)
    const key = await keyProcess.call('generate', { where, label: 'k', algorithm: 'ML-DSA-87' })
    expect(key.handle).not.toBeNull()
  })

  it('is told as wrong where it was, and as impossible where the module cannot be called so', async () => {
    const { keyProcess, token } = await withKeypad('mistyped')
    const where = { slot: token.slot }
    await expect(keyProcess.login(where, null)).rejects.toMatchObject({ code: 'pin-wrong' })
    token.faults.place({ at: 'C_Login', what: 'answer', number: 0x7 })
    await expect(keyProcess.login(where, null)).rejects.toMatchObject({ code: 'token-unsupported' })
  })

  it('is not asked for where one more failed try locks the token', async () => {
    const { keyProcess, token } = await withKeypad(PIN)
    token.faults.lastTry()
    const logins = token.faults.count('C_Login')
    await expect(keyProcess.login({ slot: token.slot }, null)).rejects.toMatchObject({ code: 'token-unsupported' })
    expect(token.faults.count('C_Login')).toBe(logins)
  })
})
