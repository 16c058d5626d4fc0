import { describe, expect, it, vi } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { KeyTable } from '../../../src/keys/process/keyTable.ts'
import { Proof } from '../../../src/keys/process/proof.ts'
import { SigningOrder } from '../../../src/keys/process/signingOrder.ts'
import { Deferred } from '../../../src/session/deferred.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { batch } from '../../integration/keys/support.ts'
import { settle } from './sender.ts'

const rootOf = (n: number) => new Uint8Array(48).fill(n)
const refused = { code: 'predecessor-unsigned' }

/** Work that ends when a test says so. */
function held<T>() {
  const gate = new Deferred<() => T>()
  return {
    work: vi.fn(async () => (await gate.promise)()),
    resolve: (value: T) => gate.resolve(() => value),
    reject: (error: Error) =>
      gate.resolve(() => {
        throw error
      }),
  }
}

describe('a batch behind another', () => {
  it('is signed after that one', async () => {
    const order = new SigningOrder()
    const [first, second] = [held<string>(), held<string>()]
    const signed = [order.run(rootOf(1), undefined, first.work), order.run(rootOf(2), rootOf(1), second.work)]
    await settle()
    expect(second.work).not.toHaveBeenCalled()
    first.resolve('first')
    second.resolve('second')
    expect(await Promise.all(signed)).toEqual(['first', 'second'])
  })

  it('is not signed when that one fails, nor is what is behind it', async () => {
    const order = new SigningOrder()
    const [first, second, third] = [held<string>(), held<string>(), held<string>()]
    const ended = Promise.allSettled([
      order.run(rootOf(1), undefined, first.work),
      order.run(rootOf(2), rootOf(1), second.work),
      order.run(rootOf(3), rootOf(2), third.work),
    ])
    first.reject(new CountersignError('pkcs11', 'The token failed.'))
    expect((await ended).map((end) => end.status === 'rejected' && end.reason)).toMatchObject([
      { code: 'pkcs11' },
      refused,
      refused,
    ])
    await expect(order.run(rootOf(2), rootOf(1), second.work)).rejects.toMatchObject(refused)
    expect(second.work).not.toHaveBeenCalled()
    expect(third.work).not.toHaveBeenCalled()
  })

  it('is signed when that one is signed at its second try', async () => {
    const order = new SigningOrder()
    await expect(order.run(rootOf(1), undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await order.run(rootOf(1), undefined, async () => 'first')
    expect(await order.run(rootOf(2), rootOf(1), async () => 'second')).toBe('second')
  })

  it('is not signed where that one was never asked for, or so long ago that it is forgotten', async () => {
    const order = new SigningOrder()
    const work = vi.fn(async () => 'signed')
    await expect(order.run(rootOf(2), rootOf(1), work)).rejects.toMatchObject(refused)
    expect(work).not.toHaveBeenCalled()
    for (let n = 0; n < 65; n++) await order.run(rootOf(n), undefined, work)
    expect(await order.run(rootOf(100), rootOf(1), work)).toBe('signed')
    await expect(order.run(rootOf(101), rootOf(0), work)).rejects.toMatchObject(refused)
  })
})

describe('a key that is closed while a batch is signed', () => {
  it('signs none behind it: "lock now" waits for one signature and no more', async () => {
    const table = new KeyTable()
    const { work: sign, resolve } = held<Uint8Array>()
    const handle = table.add({
      algorithm: 'ML-DSA-65',
      publicKey: new Uint8Array(1952),
      facts: { hardwareSlot: false, profile: null, software: true, claims: CLAIMS },
      proof: new Proof(),
      sign,
      dispose: () => {},
    })
    const [one, two] = [batch(1), batch(2)]
    const signing = table.sign(handle, one)
    const behind = table.sign(handle, two, rootIn(one))
    await settle()
    const locking = table.alone(() => table.close())
    resolve(new Uint8Array(3309))
    await expect(behind).rejects.toMatchObject({ code: 'key-missing' })
    await locking
    expect(await signing).toMatchObject({ signature: { length: 3309 } })
    expect(sign).toHaveBeenCalledTimes(1)
  })
})

const CLAIMS = {
  sensitive: null,
  alwaysSensitive: null,
  extractable: null,
  neverExtractable: null,
  local: null,
  token: null,
  sign: null,
  modifiable: null,
}

function rootIn(input: SignInput): Uint8Array {
  const { root } = signingInput(input, { kid: 'k', algorithm: 'ML-DSA-65', custody: 'software' })
  return root ?? expect.fail('no batch')
}
