import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { concat, encodeUtf8, u32 } from '../../../src/crypto/encoding.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { DEFAULT_SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import { Cookies } from '../../../src/session/handshake/cookie.ts'

const SUITE: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const MINUTE = 60_000
const ADDRESS = '192.0.2.1'
const hello = randomBytes(48)
const refused = expect.objectContaining({ alert: 100 })

let time = 0
const clock = { now: () => 0, monotonic: () => time }
const field = (bytes: Uint8Array): Uint8Array => concat(u32(bytes.length), bytes)

it('comes back as what was put in, from the same address', () => {
  const cookies = new Cookies(clock)
  for (const suite of DEFAULT_SUITES) {
    expect(cookies.open(cookies.issue({ hello, suite }, ADDRESS), ADDRESS)).toEqual({ hello, suite })
  }
})

it('is slot, hash, suite and MAC, each behind its length', () => {
  time = 3 * MINUTE + 5
  const cookie = new Cookies(clock).issue({ hello, suite: SUITE }, ADDRESS)
  const fields = concat(field(u32(3)), field(hello), field(encodeUtf8(SUITE)))
  expect(cookie).toHaveLength(157)
  expect(cookie.subarray(0, fields.length)).toEqual(fields)
  expect(cookie.subarray(fields.length, fields.length + 4)).toEqual(u32(48))
})

it('is good in its slot and the next one', () => {
  time = 5 * MINUTE
  const cookies = new Cookies(clock)
  const cookie = cookies.issue({ hello, suite: SUITE }, ADDRESS)
  const at = (moment: number) => () => {
    time = moment
    return cookies.open(cookie, ADDRESS)
  }
  expect(at(5 * MINUTE)()).toBeDefined()
  expect(at(7 * MINUTE - 1)()).toBeDefined()
  expect(at(7 * MINUTE)).toThrow(refused)
  expect(at(500 * MINUTE)).toThrow(refused)
  // A slot that is still to come was not given out by this gateway.
  expect(at(4 * MINUTE)).toThrow(refused)
})

it('is good at no other address and at no other gateway', () => {
  const [cookies, others] = [new Cookies(clock), new Cookies(clock)]
  const cookie = cookies.issue({ hello, suite: SUITE }, ADDRESS)
  for (const address of ['192.0.2.11', '192.0.2.', '', '::ffff:192.0.2.1']) {
    expect(() => cookies.open(cookie, address)).toThrow(refused)
  }
  expect(() => others.open(cookie, ADDRESS)).toThrow(refused)
})

it('is refused when any bit of it is another', () => {
  const cookies = new Cookies(clock)
  const cookie = cookies.issue({ hello, suite: SUITE }, ADDRESS)
  for (let bit = 0; bit < cookie.length * 8; bit += 1) {
    const changed = cookie.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(() => cookies.open(changed, ADDRESS), `bit ${bit}`).toThrow(refused)
  }
})

it('is refused where the same bytes are cut into other fields', () => {
  const cookies = new Cookies(clock)
  const mac = cookies.issue({ hello, suite: SUITE }, ADDRESS).slice(-48)
  const slot = u32(Math.floor(time / MINUTE))
  const name = encodeUtf8(SUITE)
  const cuts = [
    [slot, concat(hello, name.subarray(0, 1)), name.subarray(1), mac],
    [concat(slot, hello), name, new Uint8Array(0), mac],
    [slot, hello, name, mac, new Uint8Array(0)],
    [slot, hello, name],
    [],
  ]
  for (const fields of cuts) expect(() => cookies.open(concat(...fields.map(field)), ADDRESS)).toThrow(refused)
})

it('survives noise, cuts and additions with the same alert', () => {
  const cookies = new Cookies(clock)
  const cookie = cookies.issue({ hello, suite: SUITE }, ADDRESS)
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 512 }),
    fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }).map((fields) => concat(...fields.map(field))),
    fc.nat({ max: cookie.length - 1 }).map((length) => cookie.slice(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((more) => concat(cookie, more)),
  )
  fc.assert(
    fc.property(noise, (bytes) => {
      expect(() => cookies.open(bytes, ADDRESS)).toThrow(refused)
    }),
    { numRuns: 1000 },
  )
})
