import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { DEFAULT_SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import { ALERT, type Alert, alertOf } from '../../../src/session/alerts.ts'
import type { Session } from '../../../src/session/api.ts'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { type Listening, listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import { ELEMENT, element } from '../../../src/session/handshake/elements.ts'
import { encodeM1, encodeM2, encodeRetry, LIMITS } from '../../../src/session/handshake/messages.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { CountersignError, type ErrorCode, toCountersignError } from '../../../src/support/errors.ts'
import { ClientRegistry, type ListedClient } from '../../../src/trust/clientRegistry.ts'
import { type AcceptChanges, accept, type ConnectChanges, connect, Party } from '../../fakes/party.ts'
import { type Departure, serverHello } from '../../fakes/rawGateway.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { someHello, someM1, Stranger } from '../../fakes/stranger.ts'

/**
 * Every alert that the handshake can end with, over a real WebSocket: how it is provoked, what the end says that refuses,
 * and what the other end makes of it. The alerts of a session that has begun are provoked elsewhere: 0, 22 and 80 in
 * ends.test.ts, 10, 21, 51, 110, 111, 112 and 115 in keyedPeer.test.ts, 20 in tamper.test.ts.
 */
const S87: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const S65: SuiteName = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'
const MINUTES = 60_000
const NONE = new Uint8Array(0)
const covered = new Set<number>()

let editor: Party
let host: Party
let folder: string
const opened: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
  folder = await mkdtemp(join(tmpdir(), 'countersign-alerts-'))
  opened.push(() => rm(folder, { recursive: true }))
})
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

/** The two ends of one connection over loopback. */
async function connection(): Promise<{ client: Carrier; gateway: Carrier }> {
  let arrived: (carrier: Carrier) => void = () => {}
  const coming = new Promise<Carrier>((resolve) => {
    arrived = resolve
  })
  const listening: Listening = await listenWebSocket({
    url: 'ws://127.0.0.1:0',
    onCarrier: (carrier) => arrived(carrier),
  })
  opened.push(() => listening.close())
  return { client: await connectWebSocket(listening.url), gateway: await coming }
}

const errorOf = (attempt: Promise<unknown>): Promise<CountersignError> =>
  attempt.then(
    () => new CountersignError('internal', 'a session came to be'),
    (error: unknown) => toCountersignError(error),
  )

/** The carrier with one of its frames changed on the way out. */
function tampered(carrier: Carrier, number: number, change: (frame: Uint8Array) => Uint8Array): Carrier {
  let count = 0
  return Object.assign(Object.create(carrier), {
    send: (frame: Uint8Array) => carrier.send(count++ === number ? change(frame) : frame),
  })
}

const flipped = (frame: Uint8Array): Uint8Array => frame.map((byte, at) => (at === frame.length - 1 ? byte ^ 1 : byte))

/** Checks that a refusal says what it should, to its own side and over the wire. */
function check(alert: Alert, error: unknown, heard: number): void {
  covered.add(alert)
  expect(alertOf(error)).toBe(alert)
  expect(heard).toBe(alert)
}

describe('a gateway refuses', () => {
  type Case = readonly [Alert, string, (stranger: Stranger) => Promise<unknown>, AcceptChanges?]
  /** A stranger says something; the gateway answers with an alert and hangs up. */
  const CASES: readonly Case[] = [
    [10, 'a message out of turn', (it) => it.say(element(ELEMENT.CF, randomBytes(48)))],
    [10, 'a Retry', (it) => it.say(encodeRetry({ suite: S87, cookie: randomBytes(9) }))],
    [21, 'noise', (it) => it.say(element(ELEMENT.M1, randomBytes(99)))],
    [21, 'a message with bytes left over', async (it) => it.say(await someM1(), Uint8Array.of(0))],
    [21, 'shares of another length', async (it) => it.say(await someM1({ share: randomBytes(31) }))],
    [
      21,
      'a KEM key with a coefficient past q',
      async (it) => it.say(await someM1({ kemKey: new Uint8Array(1568).fill(255) })),
    ],
    [21, 'an X25519 share that gives zero', async (it) => it.say(await someM1({ share: new Uint8Array(32) }))],
    [22, 'a ClientHello past 8 KiB', (it) => it.say(element(ELEMENT.M1, new Uint8Array(8192)))],
    [
      40,
      'an offer without a suite that is allowed',
      async (it) => it.say(await someM1({ suites: [S87] })),
      { suites: [S65] },
    ],
    [40, 'an offer of suites that nobody knows', async (it) => it.say(await someM1({ suites: ['LATER'] }))],
    [
      43,
      'a critical extension',
      async (it) => it.say(await someM1({ extensions: [{ name: 'x', critical: true, data: NONE }] })),
    ],
    [70, 'a later version', async (it) => it.say(await someM1({ versions: [2] }))],
    [100, 'a cookie that it did not make', async (it) => it.say(await someM1({ cookie: randomBytes(157) }))],
    [115, 'somebody who says nothing', async () => {}, { timeout: 50 }],
  ]
  for (const [alert, what, provoke, changes] of CASES) {
    it(`${what}: ${alert}`, async () => {
      const { client, gateway } = await connection()
      const refusal = errorOf(accept(host, gateway, changes))
      const stranger = new Stranger(client)
      await provoke(stranger)
      check(alert, await refusal, await stranger.alert())
      expect(await stranger.hear()).toBeUndefined()
      expect(host.signer.inputs).toEqual([])
    })
  }

  /** A real client that is refused: what it is told. */
  async function refused(
    theirs: AcceptChanges,
    ours: ConnectChanges = {},
    change: (carrier: Carrier) => Carrier = (carrier) => carrier,
  ): Promise<{ client: CountersignError; gateway: CountersignError }> {
    const { client, gateway } = await connection()
    const both = [errorOf(connect(editor, change(client), ours)), errorOf(accept(host, gateway, theirs))] as const
    const [one, two] = await Promise.all(both)
    return { client: one, gateway: two }
  }
  /** Checks both errors. The client says what it heard in a sentence of its own. */
  function told(
    alert: Alert,
    ends: { client: CountersignError; gateway: CountersignError },
    code: ErrorCode,
    words: string,
  ): void {
    covered.add(alert)
    expect(alertOf(ends.gateway)).toBe(alert)
    expect(ends.client.code).toBe(code)
    expect(ends.client.message).toContain(words)
  }
  const registry = (entry: Partial<ListedClient>): AcceptChanges => {
    const listed = { kid: editor.signer.kid, name: 'editor', ...entry }
    return { clients: new ClientRegistry(folder, [listed], systemClock, host.ports.log) }
  }

  it('a ClientAuth that was changed on the way: 20', async () => {
    const ends = await refused({}, {}, (carrier) => tampered(carrier, 1, flipped))
    told(20, ends, 'peer-protocol', 'changed')
  })

  it('a client that is not listed: 42', async () => {
    const ends = await refused(registry({ kid: host.signer.kid }))
    told(42, ends, 'session-refused', 'was not accepted')
    expect(ends.gateway.code).toBe('peer-unknown')
  })

  it('a client that was revoked, listed or enrolled: 44', async () => {
    const ends = await refused(registry({ revoked: true }))
    told(44, ends, 'session-refused', 'revoked')
    expect(ends.gateway.code).toBe('peer-revoked')
    const peer = { kid: editor.signer.kid, name: 'editor', since: '2026-11-22T00:00:00.000Z', revoked: true }
    await writeFile(join(folder, 'clients.json'), JSON.stringify({ v: 1, peers: [peer] }), { mode: 0o600 })
    const clients = new ClientRegistry(folder, 'enroll', systemClock, host.ports.log)
    told(44, await refused({ clients }), 'session-refused', 'revoked')
  })

  it('a client whose time is over: 45', async () => {
    const ends = await refused(registry({ expires: Date.now() - 1 }))
    told(45, ends, 'session-refused', 'whose time is over')
    expect(ends.gateway.code).toBe('peer-expired')
  })

  it('nobody by a name alone: what is said of a key is said after its proof', async () => {
    const thief = await SeedSigner.create(9)
    const sign = (input: SignInput): Promise<Uint8Array> => thief.sign(input)
    const identity = {
      ...editor.ports.identity,
      batches: { sign, enqueue: () => expect.unreachable(), withdraw: () => false },
    }
    // Signs with another key than it names: that it names a revoked one is not confirmed to it.
    told(51, await refused(registry({ revoked: true }), { identity }), 'peer-protocol', 'signature')
  })

  it('to go on where something inside it fails: 80', async () => {
    const checkClient = (): Promise<'accept'> => Promise.reject(new TypeError('a bug'))
    told(80, await refused({ clients: { checkClient } }), 'internal', 'something inside')
  })

  it('to go on without its signer: 113', async () => {
    host.signer.before = () => {
      throw new CountersignError('token-missing', 'The token was removed.')
    }
    told(113, await refused({}), 'signer-unavailable', 'signing key')
  })

  it('a client that is too slow: 115, which says that later is better', async () => {
    const slow = { checkClient: (): Promise<'accept'> => new Promise((resolve) => setTimeout(resolve, 400, 'accept')) }
    host.signer.before = () => new Promise((resolve) => setTimeout(resolve, 400))
    told(115, await refused({ clients: slow, timeout: 200 }), 'handshake-timeout', 'try again later')
  })

  it('connections beyond its limit: 115', async () => {
    const listener = await GatewayListener.listen({
      ...host.ports,
      suites: DEFAULT_SUITES,
      clients: { checkClient: async () => 'accept' },
      listen: 'ws://127.0.0.1:0',
      handshakes: { halfOpen: 1 },
      onSession: () => {},
    })
    opened.push(() => listener.close())
    await connectWebSocket(listener.url)
    const refusal = await errorOf(connect(editor, await connectWebSocket(listener.url)))
    expect(refusal).toMatchObject({ code: 'handshake-timeout' })
  })
})

describe('a client refuses', () => {
  const departing =
    (departure: Departure) =>
    async (it: Stranger, hello: Uint8Array): Promise<void> =>
      it.say(...(await serverHello(hello, host.signer, departure)))
  const trust = { checkGateway: () => Promise.reject(new CountersignError('peer-changed', 'another key')) }
  type Case = readonly [Alert, string, (stranger: Stranger, hello: Uint8Array) => Promise<unknown>, ConnectChanges?]
  const m2 = { version: 1, nonce: randomBytes(32), ciphertext: new Uint8Array(1568), share: randomBytes(32) }
  const sealed = element(ELEMENT.sealed, randomBytes(99))
  const CASES: readonly Case[] = [
    [10, 'a message out of turn', (it) => it.say(element(ELEMENT.CF, randomBytes(48)))],
    [20, 'a flight that was not sealed for it', (it) => it.say(encodeM2({ ...m2, suite: S87 }), sealed)],
    [21, 'noise', (it) => it.say(element(ELEMENT.M2, randomBytes(99)))],
    [22, 'a ServerHello past 64 KiB', (it) => it.say(element(ELEMENT.M2, new Uint8Array(65_536)))],
    [
      40,
      'a suite without shares',
      (it) => it.say(encodeM2({ ...m2, suite: S65, ciphertext: new Uint8Array(1088) }), sealed),
    ],
    [42, 'a key that is not pinned', departing({}), { trust }],
    [43, 'an extension that it did not offer', departing({ extensions: [['x', false, NONE]] })],
    [
      51,
      'a signature of another key',
      async (it, hello) => departing({ signer: await SeedSigner.create(9) })(it, hello),
    ],
    [51, 'a Finished MAC that is another', departing({ finished: true })],
    [70, 'another version', departing({ version: 2 })],
    [115, 'other limits', departing({ limits: { ...LIMITS, record: 1 } })],
    [115, 'a gateway that says nothing', async () => {}, { timeout: 1500 }],
  ]
  for (const [alert, what, provoke, changes] of CASES) {
    it(`${what}: ${alert}`, async () => {
      const { client, gateway } = await connection()
      const stranger = new Stranger(gateway)
      const refusal = errorOf(connect(editor, client, changes))
      await provoke(stranger, (await stranger.hear()) ?? NONE)
      check(alert, await refusal, await stranger.alert())
      expect(await stranger.hear()).toBeUndefined()
      // Whoever did not prove itself, or is not trusted, has not learned who asked.
      expect(editor.signer.inputs).toEqual([])
    })
  }

  it('a gateway that has its own key: 42', async () => {
    const { client, gateway } = await connection()
    const twin = await Party.create(1, 'host')
    const [one, two] = await Promise.all([errorOf(connect(editor, client)), errorOf(accept(twin, gateway))])
    expect([alertOf(one), two.code]).toEqual([42, 'session-refused'])
  })

  it('to go on without its signer: 113', async () => {
    editor.signer.before = () => {
      throw new CountersignError('token-missing', 'The token was removed.')
    }
    const { client, gateway } = await connection()
    const [one, two] = await Promise.all([errorOf(connect(editor, client)), errorOf(accept(host, gateway))])
    expect([alertOf(one), two.code]).toEqual([113, 'signer-unavailable'])
  })

  it('a Ready whose clock is two minutes off: 112, sealed', async () => {
    for (const [by, refused] of [
      [3 * MINUTES, true],
      [-3 * MINUTES, true],
      [MINUTES, false],
    ] as const) {
      const clock = { ...systemClock, now: () => Date.now() + by }
      const { client, gateway } = await connection()
      const opening = connect(editor, client, { clock })
      const session: Session = await accept(host, gateway)
      if (refused) {
        expect(alertOf(await errorOf(opening))).toBe(112)
        covered.add(112)
        expect(await session.closed).toMatchObject({
          code: 'statement-invalid',
          message: expect.stringContaining('clocks'),
        })
      } else await (await opening).close()
    }
  })
})

it('leaves none out that a handshake can end with', () => {
  const later: readonly Alert[] = [ALERT.close, ALERT.badStatement, ALERT.replay, ALERT.rekeyRequired]
  const handshake = Object.values(ALERT).filter((alert) => !later.includes(alert))
  expect([...covered].toSorted((one, other) => one - other)).toEqual(handshake)
})

it('says hello as a real client does', async () => {
  const { client, gateway } = await connection()
  const opening = accept(host, gateway, { timeout: 2000 }).catch(() => {})
  const stranger = new Stranger(client)
  await stranger.say(encodeM1(await someHello()))
  // Without this the cases above could all be refused for a reason of their own.
  expect((await stranger.hear())?.[0]).toBe(ELEMENT.M2)
  await client.close()
  await opening
})
