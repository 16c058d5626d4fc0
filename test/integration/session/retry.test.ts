import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { generateHybridKey, type SuiteName } from '../../../src/crypto/suite.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { alertOf } from '../../../src/session/alerts.ts'
import { Cookies } from '../../../src/session/handshake/cookie.ts'
import {
  ELEMENT,
  type Element,
  element,
  ElementReader,
  hashOfHello,
  onlyElement,
} from '../../../src/session/handshake/elements.ts'
import {
  type ClientHello,
  encodeM1,
  encodeM2,
  encodeRetry,
  parseM1,
  parseRetry,
} from '../../../src/session/handshake/messages.ts'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { type AcceptChanges, accept, connect, join, Party } from '../../fakes/party.ts'
import { serverHello } from '../../fakes/rawGateway.ts'
import { loaded, someHello, Stranger } from '../../fakes/stranger.ts'

const S87: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const P384: SuiteName = 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384'
const S65: SuiteName = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'
const NONE = new Uint8Array(0)

let editor: Party
let host: Party
beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
})

const m1Of = (frame: Uint8Array | undefined): Element => onlyElement(frame ?? NONE, ELEMENT.M1)
const helloOf = (frame: Uint8Array | undefined): ClientHello => parseM1(m1Of(frame))
const retryOf = (frame: Uint8Array | undefined) => parseRetry(onlyElement(frame ?? NONE, ELEMENT.Retry))
const steps = (party: Party): string[] | undefined => party.reports[0]?.steps.map(({ name, by }) => `${by} ${name}`)

describe('Retry', () => {
  it('under load costs the client one more message and the gateway nothing', async () => {
    const { client, gateway, carriers } = await join(editor, host, {}, { admission: loaded() })
    expect([client.suite, client.sid]).toEqual([S87, gateway.sid])
    const [first, second] = [helloOf(carriers[0].sent[0]), helloOf(carriers[0].sent[1])]
    const { suite, cookie } = retryOf(carriers[1].sent[0])
    expect([suite, cookie.length]).toEqual([S87, 157])
    expect(second).toEqual({ ...first, cookie })
    expect(host.signer.inputs).toHaveLength(1)
    // Retry must not be a way to make a gateway send more than it was sent.
    expect(carriers[1].sent[0]?.length).toBeLessThan((carriers[0].sent[0]?.length ?? 0) / 4)
  })

  it('names another suite of the offer where the first is not allowed, and gets new shares', async () => {
    for (const [allowed, length] of [
      [P384, 97],
      [S65, 32],
    ] as const) {
      const { client, gateway, carriers } = await join(editor, host, {}, { suites: [allowed] })
      expect([client.suite, gateway.suite]).toEqual([allowed, allowed])
      const [first, second] = [helloOf(carriers[0].sent[0]), helloOf(carriers[0].sent[1])]
      expect(second.share).toHaveLength(length)
      expect(second.kemKey).not.toEqual(first.kemKey)
      expect(second).toEqual({
        ...first,
        kemKey: second.kemKey,
        share: second.share,
        cookie: retryOf(carriers[1].sent[0]).cookie,
      })
      await client.close()
    }
  })

  it('takes the first suite of the client that is allowed and that its own key meets', async () => {
    const weak = await Party.create(3, 'host', 'ML-DSA-65')
    const { client } = await join(editor, weak)
    expect([client.suite, client.peer.algorithm]).toEqual([S65, 'ML-DSA-65'])
    const other = await join(editor, host, { suites: [S65, P384, S87] }, { suites: [S87, P384] })
    expect(other.client.suite).toBe(P384)
    const same = await join(editor, host, { suites: [P384, S87] }, { suites: [S87, P384] })
    expect(same.client.suite).toBe(P384)
    expect(same.carriers[0].sent).toHaveLength(2)
  })

  it('is in the report of both ends, with both ClientHellos', async () => {
    await join(editor, host, {}, { admission: loaded() })
    await expect.poll(() => editor.reports.length + host.reports.length).toBe(2)
    const messages = [
      'client ClientHello',
      'server Retry',
      'client ClientHello',
      'server ServerHello',
      'client ClientAuth',
      'server Ready',
    ]
    for (const party of [editor, host]) {
      const own = steps(party)?.filter((step) => messages.includes(step))
      expect(own).toEqual(messages)
    }
    const [ours, theirs] = [editor.reports[0], host.reports[0]]
    expect(ours?.transcript).toBe(theirs?.transcript)
    for (const { parts, bytes } of ours?.steps ?? []) {
      if (parts.length > 0) expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBeLessThanOrEqual(bytes)
    }
    expect(ours?.steps[2]?.parts).toContainEqual({ label: 'cookie', bytes: 157, sealed: false })
  })

  it('names a suite for an offer that begins with one of a later version', async () => {
    const { stranger } = facing({})
    await stranger.say(
      encodeM1(await someHello({ suites: ['LATER', P384], kemKey: randomBytes(9), share: randomBytes(9) })),
    )
    expect((await stranger.retry()).suite).toBe(P384)
  })

  it('puts 0xfe and the hash of the first M1 in its place in the transcript, then itself, then the second', async () => {
    const hash = (frame: Uint8Array): Buffer => createHash('sha384').update(frame).digest()
    const stands = (frame: Uint8Array) => Buffer.concat([Buffer.from('fe00000030', 'hex'), hash(frame)])
    const CASES: readonly [(first: Uint8Array, retry: Uint8Array) => Uint8Array, number][] = [
      [(first, retry) => Buffer.concat([stands(first), retry]), ELEMENT.sealed],
      // Anything else is another session: ServerHello does not open.
      [(first, retry) => Buffer.concat([first, retry]), ELEMENT.alert],
      [(first) => stands(first), ELEMENT.alert],
      [(first, retry) => Buffer.concat([stands(first.subarray(5)), retry]), ELEMENT.alert],
      [() => NONE, ELEMENT.alert],
    ]
    for (const [before, answer] of CASES) {
      const [left, right] = MemoryCarrier.pair()
      const stranger = new Stranger(right)
      const ended = connect(editor, left).catch(() => {})
      const first = (await stranger.hear()) ?? NONE
      const retry = encodeRetry({ suite: S87, cookie: randomBytes(7) })
      await stranger.say(retry)
      const second = (await stranger.hear()) ?? NONE
      await stranger.say(...(await serverHello(second, host.signer, { before: before(first, retry.bytes) })))
      expect((await stranger.hear())?.[0]).toBe(answer)
      await right.close()
      await ended
    }
  })

  it('leaves no trace in a gateway: the second ClientHello may come on another connection', async () => {
    const admission = loaded()
    const hello = await someHello()
    const first = facing({ admission })
    await first.stranger.say(encodeM1(hello))
    const { cookie } = await first.stranger.retry()
    await first.stranger.carrier.close()
    const second = facing({ admission })
    await second.stranger.say(encodeM1({ ...hello, cookie }))
    const answer = new ElementReader((await second.stranger.hear()) ?? NONE)
    expect(answer.take(ELEMENT.M2).type).toBe(ELEMENT.M2)
  })
})

/** A real gateway and a stranger in front of it. */
function facing(changes: AcceptChanges, address?: string): { stranger: Stranger; ended: Promise<unknown> } {
  const [left, right] = MemoryCarrier.pair(true, address)
  const ended = accept(host, right, changes).then(
    () => 'a session came to be',
    (error: unknown) => error,
  )
  return { stranger: new Stranger(left), ended }
}

describe('a second ClientHello is refused', () => {
  /** Says hello, gets Retry, and says what `again` makes of both. */
  async function refusal(
    again: (hello: ClientHello, cookie: Uint8Array) => Promise<Partial<ClientHello>> | Partial<ClientHello>,
    changes: AcceptChanges = {},
  ): Promise<number> {
    const { stranger, ended } = facing({ admission: loaded(), ...changes })
    const hello = await someHello()
    await stranger.say(encodeM1(hello))
    const { cookie } = await stranger.retry()
    await stranger.say(encodeM1({ ...hello, ...(await again(hello, cookie)) }))
    const alert = await stranger.alert()
    expect(alertOf(await ended)).toBe(alert)
    // The signer is what all this protects.
    expect(host.signer.inputs).toEqual([])
    return alert
  }

  it('without a cookie', async () => {
    expect(await refusal(() => ({}))).toBe(100)
  })

  it('with a cookie of another ClientHello, or with anything else than the first said', async () => {
    const { kemKey, share } = await generateHybridKey(S87)
    const changes: Partial<ClientHello>[] = [
      { nonce: randomBytes(32) },
      { versions: [1, 2] },
      { suites: [S87] },
      { suites: [S87, S65, P384] },
      { kemKey },
      { share },
      { extensions: [{ name: 'later', critical: false, data: NONE }] },
    ]
    for (const change of changes) {
      expect(await refusal((_, cookie) => ({ cookie, ...change })), Object.keys(change)[0]).toBe(100)
    }
  })

  it('with a cookie from another address', async () => {
    const admission = loaded()
    const hello = await someHello()
    const there = facing({ admission }, '192.0.2.1')
    await there.stranger.say(encodeM1(hello))
    const { cookie } = await there.stranger.retry()
    const here = facing({ admission }, '192.0.2.2')
    await here.stranger.say(encodeM1({ ...hello, cookie }))
    expect(await here.stranger.alert()).toBe(100)
  })

  it('with a cookie of another gateway, and with one that is too old', async () => {
    const other = new Cookies(systemClock)
    expect(
      await refusal((hello) => ({
        cookie: other.issue({ hello: hashOfHello(encodeM1(hello)), suite: S87 }, 'memory'),
      })),
    ).toBe(100)
    let time = 0
    const clock = { now: () => Date.now(), monotonic: () => time }
    const late = (by: number) => (_: ClientHello, cookie: Uint8Array) => {
      time += by
      return { cookie }
    }
    expect(await refusal(late(120_000), { admission: loaded(clock) })).toBe(100)
  })

  it('with an offer that gives another suite than the cookie says', async () => {
    const { kemKey, share } = await generateHybridKey(S65)
    expect(await refusal((_, cookie) => ({ cookie, suites: [S65, S87], kemKey, share }))).toBe(40)
    expect(await refusal((_, cookie) => ({ cookie, suites: ['LATER'] }))).toBe(40)
  })

  it('with shares of another suite than Retry named', async () => {
    const { kemKey, share } = await generateHybridKey(S65)
    expect(await refusal((_, cookie) => ({ cookie, kemKey, share }))).toBe(21)
    const other = (_: ClientHello, cookie: Uint8Array): Partial<ClientHello> => ({ cookie })
    // Retry named P-384, and the shares stayed what they were.
    expect(await refusal(other, { suites: [P384] })).toBe(21)
  })

  it('whatever the cookie is, and never as an accident', async () => {
    const real = new Cookies(systemClock).issue({ hello: randomBytes(48), suite: S87 }, 'memory')
    const cookie = fc.oneof(
      fc.uint8Array({ maxLength: 512 }),
      fc
        .tuple(fc.nat({ max: 156 }), fc.integer({ min: 1, max: 255 }))
        .map(([at, by]) => real.map((byte, index) => (index === at ? byte ^ by : byte))),
    )
    const hello = await someHello()
    await fc.assert(
      fc.asyncProperty(cookie, async (bytes) => {
        const { stranger, ended } = facing({ admission: loaded() })
        await stranger.say(encodeM1({ ...hello, cookie: bytes }))
        expect(await stranger.alert()).toBe(100)
        expect(await ended).toMatchObject({ alert: 100 })
      }),
      { numRuns: 100 },
    )
    const { stranger } = facing({ admission: loaded() })
    await stranger.say(encodeM1({ ...hello, cookie: new Uint8Array(513) }))
    expect(await stranger.alert()).toBe(21)
  })
})

describe('a client refuses', () => {
  /** Answers the client's frames with what a test says; returns the client's error. */
  async function refusal(suites: readonly SuiteName[], ...answers: Element[][]): Promise<unknown> {
    const [left, right] = MemoryCarrier.pair()
    const stranger = new Stranger(right)
    const ended = connect(editor, left, { suites }).catch((error: unknown) => error)
    for (const answer of answers) {
      await stranger.hear()
      await stranger.say(...answer)
    }
    const error = await ended
    expect(await stranger.alert()).toBe(alertOf(error))
    return error
  }
  const retry = (suite: SuiteName) => [encodeRetry({ suite, cookie: randomBytes(157) })]
  const raw = (map: Parameters<typeof encodeCbor>[0]) => [element(ELEMENT.Retry, encodeCbor(map))]

  it('a second Retry, whatever it says', async () => {
    expect(await refusal([S87, S65], retry(S65), retry(S65))).toMatchObject({ alert: 10 })
    expect(await refusal([S87, S65], retry(S87), retry(S65))).toMatchObject({ alert: 10 })
  })

  it('a suite that it did not offer, or that nobody knows', async () => {
    expect(await refusal([S87], retry(S65))).toMatchObject({ alert: 40 })
    expect(await refusal([S87], raw({ suite: 'LATER', cookie: randomBytes(1) }))).toMatchObject({ alert: 40 })
  })

  it('a ServerHello with another suite than Retry', async () => {
    const hello = { version: 1, nonce: randomBytes(32), ciphertext: new Uint8Array(1568), share: randomBytes(32) }
    const m2 = [encodeM2({ ...hello, suite: S87 }), element(ELEMENT.sealed, randomBytes(100))]
    expect(await refusal([S87, S65], retry(S65), m2)).toMatchObject({ alert: 40 })
  })

  it('a Retry that is not one', async () => {
    for (const map of [
      {},
      { suite: S87, cookie: NONE },
      { suite: S87, cookie: new Uint8Array(513) },
      { suite: S87, cookie: 'text' },
      { suite: S87, cookie: randomBytes(1), more: 1 },
      { suite: 1, cookie: randomBytes(1) },
    ]) {
      expect(alertOf(await refusal([S87], raw(map)))).toBe(21)
    }
    const [first] = retry(S87)
    expect(await refusal([S87], [first ?? element(ELEMENT.Retry, NONE), element(ELEMENT.Retry, NONE)])).toMatchObject({
      alert: 21,
    })
  })
})
