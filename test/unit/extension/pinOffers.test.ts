import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { PinOffers } from '../../../src/extension/identity/pinOffers.ts'
import { SecretStore, type TokenPlace } from '../../../src/extension/secretStore.ts'
import { MemoryLog } from '../../integration/keys/support.ts'

const OPS: TokenPlace = { module: '/lib/hsm.so', where: { token: 'ops' } }
const SPARE: TokenPlace = { module: '/lib/hsm.so', where: { token: 'spare' } }

/** The real store over a map, and a person who answers when the test says so. */
function stand() {
  const stored = new Map<string, string>()
  const secrets = new SecretStore({
    get: async (name) => stored.get(name),
    store: async (name, value) => void stored.set(name, value),
    delete: async (name) => void stored.delete(name),
    keys: async () => [...stored.keys()],
    onDidChange: () => ({ dispose() {} }),
  })
  const questions: { readonly name: string; readonly answer: (keep: boolean) => void }[] = []
  const log = new MemoryLog()
  const ask = async (name: string) =>
    await new Promise<boolean>((resolve) => {
      // As the editor does: the same question again closes the first, which answers it with nothing.
      questions.at(-1)?.answer(false)
      questions.push({ name, answer: resolve })
    })
  const offers = new PinOffers({ secrets, ask, log })
  /** Offers a PIN; `done` is there once its question is answered, if there is one. */
  const offer = async (token: TokenPlace, text: string) => {
    const pin = encodeUtf8(text)
    const done = offers.offer(token, text, pin)
    await new Promise(setImmediate)
    return { pin, done }
  }
  const storedPin = async (token: TokenPlace) => {
    const pin = await secrets.pin(token)
    return pin === undefined ? undefined : decodeUtf8(pin)
  }
  return { offers, offer, questions, secrets, storedPin, log }
}

const wiped = (pin: Uint8Array) => pin.every((byte) => byte === 0)

describe('the question whether a PIN is kept', () => {
  it('keeps the PIN of whoever says yes, wipes what was typed, and logs no PIN', async () => {
    const { offer, questions, storedPin, log } = stand()
    const { pin, done } = await offer(OPS, '4711')
    expect(wiped(pin)).toBe(false)
    questions[0]?.answer(true)
    await done
    expect(await storedPin(OPS)).toBe('4711')
    expect(wiped(pin)).toBe(true)
    expect(log.lines).toHaveLength(1)
    // It is stored: there is nothing to ask.
    await (await offer(OPS, '4711')).done
    expect(questions).toHaveLength(1)
  })

  it('is asked once per token: a no holds for this window, and for this token only', async () => {
    const { offer, questions, storedPin } = stand()
    const first = await offer(OPS, '4711')
    questions[0]?.answer(false)
    await first.done
    expect(wiped(first.pin)).toBe(true)
    const second = await offer(OPS, '4711')
    await second.done
    expect(questions).toHaveLength(1)
    expect(wiped(second.pin)).toBe(true)
    // The same token, as a setting that says more of it names it.
    const named = { ...OPS, label: 'mcp-identity-key' }
    await (await offer(named, '4711')).done
    expect(questions).toHaveLength(1)
    const other = await offer(SPARE, '0815')
    expect(questions.map(({ name }) => name)).toEqual(['4711', '0815'])
    questions[1]?.answer(true)
    await other.done
    expect([await storedPin(OPS), await storedPin(SPARE)]).toEqual([undefined, '0815'])
  })

  it('asks again after what was kept was forgotten', async () => {
    const { offer, questions, secrets } = stand()
    const { done } = await offer(OPS, '4711')
    questions[0]?.answer(true)
    await done
    await secrets.deletePin(OPS)
    await offer(OPS, '4711')
    expect(questions).toHaveLength(2)
  })

  it('keeps nothing that was typed before a lock, and asks anew after it', async () => {
    const { offers, offer, questions, storedPin } = stand()
    const before = await offer(OPS, '4711')
    offers.locked()
    expect(wiped(before.pin)).toBe(true)
    questions[0]?.answer(true)
    await before.done
    expect(await storedPin(OPS)).toBe(undefined)
    const after = await offer(OPS, '4711')
    questions[1]?.answer(true)
    await after.done
    expect(await storedPin(OPS)).toBe('4711')
  })

  it('is not put at all where everything was locked before it could be', async () => {
    const { offers, questions } = stand()
    const done = offers.offer(OPS, 'ops', encodeUtf8('4711'))
    offers.locked()
    await done
    expect(questions).toEqual([])
  })

  it('takes the PIN that was typed last, and no closed question for a no', async () => {
    const { offer, questions, storedPin } = stand()
    const first = await offer(OPS, '4711')
    const second = await offer(OPS, '0815')
    await first.done
    expect(wiped(first.pin)).toBe(true)
    questions[1]?.answer(true)
    await second.done
    expect(await storedPin(OPS)).toBe('0815')
  })
})

describe('a PIN that was changed', () => {
  const changed = async ({ offers }: ReturnType<typeof stand>, text: string, stored: boolean) => {
    const pin = encodeUtf8(text)
    const done = offers.changed(OPS, text, pin, stored)
    await new Promise(setImmediate)
    return { pin, done }
  }

  it('is a new question where the old one was stored, also for who said no since', async () => {
    const at = stand()
    const said = await at.offer(OPS, '4711')
    at.questions[0]?.answer(false)
    await said.done
    const { done } = await changed(at, '0815', true)
    at.questions[1]?.answer(true)
    await done
    expect(await at.storedPin(OPS)).toBe('0815')
  })

  it('takes the place of the old one in a question that is open', async () => {
    const at = stand()
    const open = await at.offer(OPS, '4711')
    const { done } = await changed(at, '0815', false)
    expect(wiped(open.pin)).toBe(true)
    at.questions[1]?.answer(true)
    await done
    expect(await at.storedPin(OPS)).toBe('0815')
  })

  it('is no question where there was none', async () => {
    const at = stand()
    const { pin, done } = await changed(at, '0815', false)
    await done
    expect(at.questions).toEqual([])
    expect(wiped(pin)).toBe(true)
  })
})
