import { describe, expect, it } from 'vitest'
import { whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { faultsStands, responsive, type Stand } from './faultsStand.ts'
import { batch, expectSigns, handshake, sleep } from './support.ts'

const reason = await whyNoFaultyToken()
const code = (expected: string) => expect.objectContaining({ code: expected })
const LANES = 4

describe.skipIf(reason !== undefined)(`a token that goes and comes back${reason ? ` skipped: ${reason}` : ''}`, () => {
  const stand = faultsStands('faultsRecovery')

  const many = (count: number, { signer }: Stand) =>
    Promise.all(Array.from({ length: count }, () => expectSigns(signer, batch(2))))

  it('removed: each signature says so; put back: the next one is made, in the same process, with the stored PIN', async () => {
    const { faults, signer, keyProcess } = await stand()
    const { pid } = keyProcess
    await responsive(async () => {
      faults.remove()
      for (let n = 0; n < 3; n += 1) await expect(signer.sign(batch(2))).rejects.toEqual(code('token-missing'))
      faults.putBack()
      await expectSigns(signer, batch(2))
    })
    expect(keyProcess.pid).toBe(pid)
    expect(faults.count('C_Initialize')).toBe(1)
  })

  it('removed and put back between two signatures: nobody notices', async () => {
    const { faults, signer } = await stand()
    for (let n = 0; n < 5; n += 1) {
      faults.remove()
      faults.putBack()
      await expectSigns(signer, handshake())
    }
  })

  it('that stays away is asked ever less often, and not kept waiting when it is back', async () => {
    const { faults, signer } = await stand()
    faults.remove()
    const before = faults.count('C_GetSlotList')
    const began = performance.now()
    while (performance.now() - began < 3_000) await signer.sign(handshake()).catch(() => {})
    // 0, 0, 100, 300, 700, 1500, 3100 ms after the first; as fast as it fails it would be hundreds. Two calls a list.
    const asked = (faults.count('C_GetSlotList') - before) / 2
    expect(asked).toBeGreaterThan(2)
    expect(asked).toBeLessThan(9)
    faults.putBack()
    const back = performance.now()
    await expectSigns(signer, handshake())
    expect(performance.now() - back).toBeLessThan(3_500)
  })

  it('a signature that waits for a token which is away can be cancelled', async () => {
    const { faults, signer } = await stand()
    faults.remove()
    for (let n = 0; n < 5; n += 1) await signer.sign(handshake()).catch(() => {})
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 20)
    const began = performance.now()
    await expect(signer.sign(handshake(), abort.signal)).rejects.toEqual(code('cancelled'))
    expect(performance.now() - began).toBeLessThan(600)
  })

  it('session handles invalidated under load: every signature is made, and nobody logs in again', async () => {
    const made = await stand({ lanes: LANES })
    const logins = made.faults.count('C_Login')
    await responsive(async () => {
      const signing = many(24, made)
      // Twice: a signature may be hit by both, and is then made at the third try.
      for (let n = 0; n < 2; n += 1) {
        await sleep(40)
        made.faults.endSessions()
      }
      await signing
    })
    await many(8, made)
    expect(made.faults.calls()).not.toContain('C_SignInit stale')
    // The session that kept the login was ended as well; NSS keeps a login as long as one session lives.
    expect(made.faults.count('C_Login') - logins).toBe(0)
  })

  it('a session that is opened before anybody noticed that the others ended gets nothing that was found in them', async () => {
    const { faults, signer } = await stand({ lanes: LANES })
    const before = faults.count('C_Sign')
    faults.place({ at: 'C_Sign', what: 'slow', number: 400, times: 1 })
    const first = expectSigns(signer, batch(2))
    while (faults.count('C_Sign') === before) await sleep(5)
    faults.endSessions()
    // The one session there is has not answered yet, so this takes a new one, which is good.
    await expectSigns(signer, batch(2))
    await first
    expect(faults.calls()).not.toContain('C_SignInit stale')
  })

  it('with fewer sessions than lanes makes every signature, one after the other', async () => {
    const made = await stand({ lanes: LANES })
    const { faults } = made
    await expectSigns(made.signer, handshake())
    faults.place({ at: 'C_OpenSession', what: 'answer', number: 0xb1 })
    const before = faults.calls().length
    await many(12, made)
    const beside = faults
      .calls()
      .slice(before)
      .filter((line) => line.startsWith('C_Sign '))
    expect(new Set(beside)).toEqual(new Set(['C_Sign 1']))
  })

  it('that opens no session tells everybody who waits for one', async () => {
    const { faults, signer, keyProcess } = await stand({ lanes: LANES })
    const { pid } = keyProcess
    const before = faults.count('C_OpenSession')
    faults.place({ at: 'C_Sign', what: 'slow', number: 500 })
    // More than there are sessions: the others wait for one to be given back.
    const signing = Promise.allSettled(Array.from({ length: 30 }, () => signer.sign(batch(2))))
    while (faults.count('C_OpenSession') < before + 16) await sleep(5)
    // None is given back: they are ended, and there is no new one.
    faults.place({ at: 'C_OpenSession', what: 'answer', number: 0x30 })
    faults.endSessions()
    const ends = await signing
    const rejected = ends.filter(({ status }) => status === 'rejected')
    expect(rejected.length).toBeGreaterThan(17)
    // By the answer of the token, and not by the deadline, which ends a process that says nothing.
    expect(keyProcess.pid).toBe(pid)
    faults.heal()
    await expectSigns(signer, batch(2))
  })

  it('the login is gone: it is made again with the stored PIN, once for all lanes', async () => {
    const made = await stand({ lanes: LANES })
    const { faults, keyProcess } = made
    const { pid } = keyProcess
    await many(8, made)
    const logins = faults.count('C_Login')
    faults.endLogin()
    await many(8, made)
    expect(faults.count('C_Login') - logins).toBe(1)
    expect(keyProcess.pid).toBe(pid)
  })

  it('the PIN locked by somebody else: a key that is unlocked signs on', async () => {
    const made = await stand()
    made.faults.lockPin()
    await many(3, made)
  })

  it('the PIN locked by somebody else, and the login gone: said, and no PIN is tried', async () => {
    const made = await stand({ lanes: LANES })
    const { faults, signer } = made
    const logins = faults.count('C_Login')
    faults.lockPin()
    faults.endLogin()
    const ends = await Promise.allSettled(Array.from({ length: 8 }, () => signer.sign(batch(2))))
    const codes = new Set(ends.map((end) => (end.status === 'rejected' ? end.reason.code : end.status)))
    expect(codes).toEqual(new Set(['pin-locked']))
    expect(faults.count('C_Login') - logins).toBe(0)
    faults.lockPin(false)
    await many(3, made)
  })

  it('the stored PIN rejected: tried once for all lanes, forgotten, and not tried again', async () => {
    const made = await stand({ lanes: LANES })
    const { faults, signer } = made
    const logins = faults.count('C_Login')
    faults.place({ at: 'C_Login', what: 'answer', number: 0xa4 })
    faults.endLogin()
    const ends = await Promise.allSettled(Array.from({ length: 8 }, () => signer.sign(batch(2))))
    const codes = ends.map((end) => (end.status === 'rejected' ? String(end.reason.code) : end.status))
    expect(codes).toContain('pin-locked')
    expect(codes.filter((one) => one !== 'pin-locked' && one !== 'pin-needed')).toEqual([])
    await expect(signer.sign(batch(2))).rejects.toEqual(code('pin-needed'))
    expect(faults.count('C_Login') - logins).toBe(1)
    expect(made.forgotten).toBe(1)
    faults.heal()
    await made.login()
    await many(3, made)
  })

  it.each([
    ['CKR_FUNCTION_FAILED', { what: 'answer', number: 0x6 }, 'login-failed'],
    ['CKR_GENERAL_ERROR', { what: 'answer', number: 0x5 }, 'login-failed'],
    ['CKR_DEVICE_ERROR', { what: 'answer', number: 0x30 }, 'login-failed'],
    ['CKR_PIN_EXPIRED', { what: 'answer', number: 0xa3 }, 'pin-expired'],
    ['a crash', { what: 'crash' }, 'signer-unavailable'],
    ['silence', { what: 'hang' }, 'signer-timeout'],
  ] as const)('the stored PIN answered with %s, which may be a wrong PIN: tried once', async (_, fault, first) => {
    const made = await stand({ deadlines: { login: 1_500 } })
    const { faults, signer } = made
    const logins = faults.count('C_Login')
    faults.place({ at: 'C_Login', ...fault })
    faults.endLogin()
    const failed = signer.sign(batch(2))
    await expect(failed).rejects.toEqual(code(first))
    await expect(failed).rejects.toThrow(/not tried again until you unlock the token or restart/)
    for (let n = 0; n < 3; n += 1) await expect(signer.sign(batch(2))).rejects.toEqual(code('pin-needed'))
    expect(faults.count('C_Login') - logins).toBe(1)
    expect(made.forgotten).toBe(0)
    faults.heal()
    await made.login()
    await expectSigns(signer, batch(2))
  })

  it.each([
    ['the token was removed', 'C_Login', 0x32, 'token-missing'],
    ['the session is gone, twice', 'C_Login', 0xb3, 'signer-unavailable'],
    ['there is no session to log in with', 'C_OpenSession', 0x30, 'signer-unavailable'],
  ] as const)('no login because %s: the stored PIN is tried again', async (_, at, number, first) => {
    const { faults, signer } = await stand()
    faults.endLogin()
    if (at === 'C_OpenSession') faults.endSessions()
    faults.place({ at, what: 'answer', number })
    await expect(signer.sign(batch(2))).rejects.toEqual(code(first))
    faults.heal()
    await expectSigns(signer, batch(2))
  })

  it('signs in as many lanes as its profile allows and no more', async () => {
    for (const lanes of [1, 3]) {
      const { faults, batches } = await stand({ lanes })
      faults.place({ at: 'C_Sign', what: 'slow', number: 30 })
      const before = faults.calls().length
      await Promise.all(Array.from({ length: 12 }, () => batches.sign(ownHash())))
      const beside = faults
        .calls()
        .slice(before)
        .filter((line) => line.startsWith('C_Sign '))
      expect(Math.max(...beside.map((line) => Number(line.split(' ')[1])))).toBe(lanes)
    }
  })

  function ownHash() {
    const input = handshake()
    if (input.kind !== 'handshake') throw new Error('no handshake')
    return input
  }
})
