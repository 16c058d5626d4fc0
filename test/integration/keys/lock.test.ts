import { describe, expect, it } from 'vitest'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import type { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { NssStand } from './nssStand.ts'
import { whyNoNss } from './nssToken.ts'
import { bytes, expectSigns, handshake } from './support.ts'

const reason = await whyNoNss()
const PIN = 'planted-pin-0819'
const code = (expected: string) => expect.objectContaining({ code: expected })

describe.skipIf(reason !== undefined)(`Lock Now on a real token (NSS)${reason ? ` skipped: ${reason}` : ''}`, () => {
  const stand = new NssStand('lock', PIN)
  const { log, where } = stand
  let unlocked = 0
  let read = 0
  const byLabel = () => ({ token: stand.token.tokenLabel })

  /** With a PIN that the person chose to store. */
  function module(): KeyProcess {
    const pins = {
      read: async () => {
        read += 1
        return bytes(PIN)
      },
      forget: () => {},
    }
    return stand.module({ pins, unlocked: () => void (unlocked += 1) })
  }

  it('tells of every login, with a typed PIN and with a stored one', async () => {
    const keyProcess = module()
    await openTokenSigner({ keyProcess, where: where(), label: 'one', create: 'ML-DSA-65', log })
    expect(unlocked).toBe(1)
    await keyProcess.login(where(), bytes(PIN))
    expect(unlocked).toBe(2)
    await expect(keyProcess.login(where(), bytes('planted-wrong'))).rejects.toEqual(code('pin-wrong'))
    expect(unlocked).toBe(2)
  })

  it('locks all tokens by whatever name, and no stored PIN opens them before somebody unlocks', async () => {
    const keyProcess = module()
    const signer = await openTokenSigner({ keyProcess, where: byLabel(), label: 'one', log })
    await expectSigns(signer, handshake())
    keyProcess.lockAll()
    read = 0
    await expect(signer.sign(handshake())).rejects.toEqual(code('pin-needed'))
    const other = openTokenSigner({ keyProcess, where: where(), label: 'one', log })
    await expect(other).rejects.toEqual(code('pin-needed'))
    expect(read).toBe(0)
    // The person unlocks one name of it, and gets no more than that.
    await keyProcess.login(byLabel(), bytes(PIN))
    await expectSigns(signer, handshake())
    keyProcess.lockAll()
    await expect(signer.sign(handshake())).rejects.toEqual(code('pin-needed'))
    expect(read).toBe(0)
  })

  it('locks one token and leaves the process as it is', async () => {
    const keyProcess = module()
    const signer = await openTokenSigner({ keyProcess, where: where(), label: 'one', log })
    const { pid } = keyProcess
    await keyProcess.lockToken([where(), byLabel()])
    expect(keyProcess.pid).toBe(pid)
    read = 0
    await expect(signer.sign(handshake())).rejects.toEqual(code('pin-needed'))
    for (const name of [where(), byLabel()]) expect(keyProcess.locked(name)).toBe(true)
    expect(read).toBe(0)
    await keyProcess.login(where(), bytes(PIN))
    await expectSigns(signer, handshake())
    expect(keyProcess.pid).toBe(pid)
  })

  it('never says a PIN', () => {
    expect(log.lines.length).toBeGreaterThan(0)
    expect(log.lines.join('\n')).not.toContain('planted')
  })
})
