import { describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { faultsStands, responsive } from './faultsStand.ts'
import { batch, expectSigns, gone, handshake, sleep } from './support.ts'

const reason = await whyNoFaultyToken()
const code = (expected: string) => expect.objectContaining({ code: expected })

it('the measure of these tests sees a loop that is held up', async () => {
  const held = responsive(async () => {
    await sleep(20)
    // Of its own time: on a machine that is busy, 90 ms of the clock may be a few of this process.
    const began = process.cpuUsage()
    while (process.cpuUsage(began).user < 90_000) Math.sqrt(2)
    await sleep(20)
  })
  await expect(held).rejects.toThrow(/The event loop stood still/)
})

describe.skipIf(reason !== undefined)(`a module that goes wrong${reason ? ` skipped: ${reason}` : ''}`, () => {
  const stand = faultsStands('faults')

  it('crashes in a signature: a clear error, the process ends and nothing else, and the next signature is made', async () => {
    const { faults, signer, keyProcess } = await stand()
    await responsive(async () => {
      faults.place({ at: 'C_Sign', what: 'crash', times: 1 })
      const { pid } = keyProcess
      const signature = signer.sign(batch(3))
      await expect(signature).rejects.toEqual(code('signer-unavailable'))
      await expect(signature).rejects.toThrow(/was ended by SIGSEGV in the middle of a signature/)
      expect(await gone(pid ?? 0)).toBe(true)
      await expectSigns(signer, batch(3))
    })
  })

  it('crashes in every signature: each fails, ever later, and it signs again when it is well', async () => {
    const { faults, signer } = await stand()
    faults.place({ at: 'C_Sign', what: 'crash' })
    const began = performance.now()
    for (let n = 0; n < 4; n += 1) await expect(signer.sign(handshake())).rejects.toThrow(/SIGSEGV/)
    // At once, after 200 ms, after 400 ms.
    expect(performance.now() - began).toBeGreaterThan(600)
    faults.heal()
    await expectSigns(signer, handshake())
  })

  it('hangs in a signature: it is killed at the deadline, and the next signature is made', async () => {
    const { faults, signer, keyProcess } = await stand({ deadlines: { sign: 1_500 } })
    await responsive(async () => {
      faults.place({ at: 'C_Sign', what: 'hang', times: 1 })
      const { pid } = keyProcess
      await expect(signer.sign(batch(3))).rejects.toEqual(code('signer-timeout'))
      expect(await gone(pid ?? 0)).toBe(true)
      await expectSigns(signer, batch(3))
    })
  })

  it('hangs or crashes where nothing is signed: the editor goes on, and so does the key afterwards', async () => {
    const { faults, signer, keyProcess } = await stand({ deadlines: { start: 5_000, inventory: 2_000 } })
    await responsive(async () => {
      // Their thread is the only one of the process, so the deadline is all that ends them.
      faults.place({ at: 'C_GetSlotList', what: 'hang', times: 1 })
      await expect(readModule(keyProcess)).rejects.toEqual(code('signer-timeout'))
      faults.place({ at: 'C_Initialize', what: 'hang', times: 1 })
      await expect(signer.sign(handshake())).rejects.toEqual(code('signer-timeout'))
      await expectSigns(signer, handshake())
      faults.place({ at: 'C_GetTokenInfo', what: 'crash', times: 1 })
      await expect(readModule(keyProcess)).rejects.toThrow(/SIGSEGV while it worked on "inventory"/)
      await expectSigns(signer, handshake())
    })
  })

  it.each([
    ['too short', 'length', -1, /returned 4626 bytes/],
    ['empty', 'length', -4627, /returned 0 bytes/],
    ['wrong', 'bytes', 17, /returned a signature that does not verify/],
  ] as const)(
    'gives a signature that is %s: it goes nowhere, and the next is right',
    async (_, what, number, words) => {
      const { faults, signer } = await stand()
      faults.place({ at: 'C_Sign', what, number, times: 1 })
      const signature = signer.sign(batch(2))
      await expect(signature).rejects.toEqual(code('signer-unavailable'))
      await expect(signature).rejects.toThrow(words)
      await expectSigns(signer, batch(2))
    },
  )

  it('says that a signature is a million bytes longer than it is: nothing beyond it is read', async () => {
    const { faults, signer } = await stand()
    faults.place({ at: 'C_Sign', what: 'length', number: 1_000_000, times: 1 })
    await expectSigns(signer, batch(2))
    await expectSigns(signer, batch(2))
  })

  it.each([
    [0x80000123, /\(0x80000123\)/],
    [0x5, /CKR_GENERAL_ERROR/],
    [0x30, /device error/],
    // The operation stays active after this one: a session that is used again would refuse every later signature.
    [0x150, /CKR_BUFFER_TOO_SMALL/],
  ])('answers C_Sign with %i: said with its number, and the session is not used again', async (number, words) => {
    const { faults, signer, keyProcess } = await stand()
    const { pid } = keyProcess
    faults.place({ at: 'C_Sign', what: 'answer', number, times: 1 })
    const signature = signer.sign(batch(2))
    await expect(signature).rejects.toEqual(code('signer-unavailable'))
    await expect(signature).rejects.toThrow(words)
    for (let n = 0; n < 3; n += 1) await expectSigns(signer, batch(2))
    expect(keyProcess.pid).toBe(pid)
  })

  it('answers slowly: the signatures come, and the editor does not wait', async () => {
    const { faults, signer } = await stand()
    faults.place({ at: 'C_Sign', what: 'slow', number: 400 })
    await responsive(async () => {
      const began = performance.now()
      await Promise.all([expectSigns(signer, batch(64)), expectSigns(signer, handshake())])
      expect(performance.now() - began).toBeGreaterThan(400)
    })
  })
})
