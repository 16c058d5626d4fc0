import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Admission, type HandshakeLimits, originOf } from '../../../src/session/handshake/admission.ts'
import { systemClock } from '../../../src/support/clock.ts'

const LIMITS: HandshakeLimits = { perAddress: 2, total: 3, halfOpen: 8 }
const never = new AbortController().signal

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Whether a promise resolves without time going by. */
async function atOnce(promise: Promise<void>): Promise<boolean> {
  let resolved = false
  void promise.then(() => (resolved = true))
  await vi.advanceTimersByTimeAsync(0)
  return resolved
}

describe('turns', () => {
  it('are as many a second as the limits say, for one address and for all', () => {
    const admission = new Admission(systemClock, LIMITS)
    expect(['a', 'a', 'a', 'b', 'b', 'c'].map((address) => admission.tryTurn(address))).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
    ])
    vi.advanceTimersByTime(999)
    expect(admission.tryTurn('c')).toBe(false)
    vi.advanceTimersByTime(1)
    expect(admission.tryTurn('c')).toBe(true)
  })

  it('are never more in any second, whoever comes whenever', () => {
    const comings = fc.array(fc.tuple(fc.nat({ max: 700 }), fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 60 })
    const limits = fc.record({ perAddress: fc.integer({ min: 1, max: 4 }), total: fc.integer({ min: 1, max: 6 }) })
    fc.assert(
      fc.property(limits, comings, (some, coming) => {
        let time = 0
        const given: { at: number; address: string }[] = []
        const admission = new Admission({ now: () => 0, monotonic: () => time }, { ...LIMITS, ...some })
        for (const [pause, address] of coming) {
          time += pause
          const before = given.filter(({ at }) => at > time - 1000)
          const own = before.filter((turn) => turn.address === address)
          const expected = before.length < some.total && own.length < some.perAddress
          // Neither more than the limits, nor less.
          expect(admission.tryTurn(address)).toBe(expected)
          if (expected) given.push({ at: time, address })
        }
      }),
    )
  })

  it('need a cookie once half of the half-open handshakes are taken', () => {
    const admission = new Admission(systemClock, LIMITS)
    for (let count = 0; count < 3; count += 1) expect(admission.enter()).toBe(true)
    expect(admission.tryTurn('a')).toBe(true)
    expect(admission.enter()).toBe(true)
    expect(admission.tryTurn('b')).toBe(false)
    admission.leave()
    expect(admission.tryTurn('b')).toBe(true)
  })

  it('keep no memory of addresses', () => {
    const admission = new Admission(systemClock, { ...LIMITS, total: 50 })
    for (let number = 0; number < 100_000; number += 1) {
      admission.tryTurn(`address ${number}`)
      if (number % 10 === 0) vi.advanceTimersByTime(1)
    }
    const kept: unknown = Reflect.get(admission, 'turns')
    expect(kept).toHaveLength(50)
  })
})

describe('half-open handshakes', () => {
  it('are no more than the limit', () => {
    const admission = new Admission(systemClock, LIMITS)
    const entered = Array.from({ length: 10 }, () => admission.enter())
    expect(entered.filter(Boolean)).toHaveLength(LIMITS.halfOpen)
    admission.leave()
    expect([admission.enter(), admission.enter()]).toEqual([true, false])
  })
})

describe('who waits with a cookie', () => {
  it('gets the turns as they become free, in order', async () => {
    const admission = new Admission(systemClock, LIMITS)
    const order: number[] = []
    for (const address of ['a', 'b', 'c']) admission.tryTurn(address)
    const waits = [0, 1, 2, 3].map((number) => admission.turn(`w${number}`, never).then(() => void order.push(number)))
    await vi.advanceTimersByTimeAsync(999)
    expect(order).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(admission.tryTurn('stranger')).toBe(false)
    expect(order).toEqual([0, 1, 2])
    await vi.advanceTimersByTimeAsync(1000)
    await Promise.all(waits)
    expect(order).toEqual([0, 1, 2, 3])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is served before a stranger who asks in the instant in which a turn becomes free', async () => {
    let time = 0
    const admission = new Admission({ now: () => 0, monotonic: () => time }, { ...LIMITS, total: 1 })
    expect(admission.tryTurn('a')).toBe(true)
    const waiting = admission.turn('b', never)
    time = 1000
    expect(admission.tryTurn('c')).toBe(false)
    await waiting
  })

  it('holds up nobody but its own address', async () => {
    const admission = new Admission(systemClock, { ...LIMITS, total: 10 })
    admission.tryTurn('a')
    admission.tryTurn('a')
    const greedy = admission.turn('a', never)
    expect(await atOnce(greedy)).toBe(false)
    expect(await atOnce(admission.turn('b', never))).toBe(true)
    expect(admission.tryTurn('c')).toBe(true)
    await vi.advanceTimersByTimeAsync(1000)
    await greedy
  })

  it('gives up after five seconds with alert 115', async () => {
    const admission = new Admission(systemClock, { ...LIMITS, total: 1 })
    const waits = Array.from({ length: 8 }, () => admission.turn('a', never).catch((error: unknown) => error))
    await vi.advanceTimersByTimeAsync(5000)
    const outcomes = await Promise.all(waits)
    // One at once, one at each full second to the fourth; at the fifth the patience of all ends.
    expect(outcomes.slice(0, 5)).toEqual([undefined, undefined, undefined, undefined, undefined])
    for (const error of outcomes.slice(6)) expect(error).toMatchObject({ alert: 115 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives up when its handshake ends, and leaves its place to the next', async () => {
    const admission = new Admission(systemClock, { ...LIMITS, total: 1 })
    admission.tryTurn('a')
    const controller = new AbortController()
    const first = admission.turn('b', controller.signal).catch((error: unknown) => error)
    const second = admission.turn('c', never)
    controller.abort(new Error('gone'))
    expect(await first).toMatchObject({ cause: { message: 'gone' } })
    await vi.advanceTimersByTimeAsync(1000)
    await second
    await expect(admission.turn('d', controller.signal)).rejects.toThrow('gone')
  })

  it('is not one of more than may be half-open', async () => {
    const admission = new Admission(systemClock, { ...LIMITS, total: 1 })
    admission.tryTurn('a')
    const waits = Array.from({ length: LIMITS.halfOpen }, () => admission.turn('b', never).catch(() => 'late'))
    await expect(admission.turn('b', never)).rejects.toMatchObject({ alert: 115 })
    await vi.advanceTimersByTimeAsync(5000)
    await Promise.all(waits)
  })
})

describe('the origin of an address', () => {
  const CASES: readonly (readonly [string, string])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3::192.0.2.1', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['::3:4:5:6:7:8', '0:0:3:4::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['fe80::1:2%eth0', 'fe80:0:0:0::/64'],
    ['memory', 'memory'],
    ['', ''],
    ['unknown', 'unknown'],
    ['::1::2', '::1::2'],
  ]
  for (const [address, origin] of CASES) {
    it(`${address} is ${origin}`, () => expect(originOf(address)).toBe(origin))
  }

  it('is the same for every spelling and every host of a /64', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count })
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), (network, one, other) => {
        const spell = (host: number[], pad: number): string =>
          [...network, ...host].map((each) => each.toString(16).padStart(pad, '0')).join(':')
        const compressed = new URL(`http://[${spell(one, 1)}]`).hostname.slice(1, -1)
        const origin = originOf(spell(one, 1))
        expect(originOf(spell(other, 4))).toBe(origin)
        expect(originOf(compressed)).toBe(origin)
      }),
    )
  })
})
