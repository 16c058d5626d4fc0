import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import { alertOf } from '../../../src/session/alerts.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { connectSession } from '../../../src/session/client.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import type { Session } from '../../../src/session/api.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import { ELEMENT } from '../../../src/session/handshake/elements.ts'
import { STANDING_INTERVAL } from '../../../src/session/limits.ts'
import { encodeTransition, encodeTransitionAnswer } from '../../../src/session/transition/messages.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { ClientRegistry } from '../../../src/trust/clientRegistry.ts'
import { GatewayPins } from '../../../src/trust/gatewayPins.ts'
import { Rotations } from '../../../src/trust/rotations.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { Network } from '../../fakes/network.ts'
import { accept, connect, join as connected, Party } from '../../fakes/party.ts'
import { serverHello } from '../../fakes/rawGateway.ts'
import { RawPeer } from '../../fakes/rawPeer.ts'
import { altered, transitionOf } from '../../fakes/transition.ts'

let folder: string
let [old, next, other, host, hostNext]: readonly Party[] = []
const silent = { log: () => {} }
const GRACE = 3000
const POLICY = { rotation: 'confirm', grace: GRACE } as const

beforeAll(async () => {
  ;[old, next, other, host, hostNext] = await Promise.all(
    [1, 2, 3, 4, 5].map((seed) => Party.create(seed, `party ${seed}`)),
  )
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-transitions-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

function parties(): Record<'old' | 'next' | 'other' | 'host' | 'hostNext', Party> {
  if (!old || !next || !other || !host || !hostNext) throw new Error('the parties are not made yet')
  return { old, next, other, host, hostNext }
}

function registry(listed: readonly Party[]) {
  const clients = listed.map(({ signer }) => ({ kid: signer.kid, name: 'editor' }))
  return new ClientRegistry(folder, clients, systemClock, silent, POLICY)
}

const REQUEST = { kind: 'request', server: 'files', head: new Uint8Array(0) } as const
async function call(session: Session): Promise<void> {
  await session.send({
    ...REQUEST,
    exchange: session.nextExchange(),
    body: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
  })
}

describe('a client that rotates its key', () => {
  it('tells the gateway in a session of its old key; confirmed, the new key has a session, and the old one ends', async () => {
    const { old, next, host } = parties()
    const clients = registry([old])
    const document = await transitionOf(old.signer, next.signer, Date.now())
    const pair = await connected(old, host, {}, { clients, transitions: clients })
    expect(await pair.client.transition(document)).toBe('pending')
    const strange = await Promise.allSettled(Object.values(await ends(next, host, clients)))
    expect(strange.map(({ status }) => status)).toEqual(['rejected', 'rejected'])

    const operator = new Rotations(folder, POLICY, systemClock, silent)
    const [waiting] = await operator.list()
    if (waiting === undefined) throw new Error('nothing waits')
    const { until = 0 } = await operator.decide(waiting, 'confirmed', 'operator')
    expect(await pair.client.transition(document)).toBe('accepted')
    const renewed = await connected(next, host, {}, { clients, transitions: clients })
    await call(renewed.client)
    await renewed.client.close()
    await call(pair.client)
    await pair.client.close()
    await vi.waitUntil(() => Date.now() >= until, { timeout: 2 * GRACE })
    const over = await ends(old, host, clients)
    await expect(over.gateway).rejects.toMatchObject({ code: 'peer-expired' })
    await expect(over.client).rejects.toMatchObject({
      code: 'session-refused',
      message: expect.stringContaining('whose time is over'),
    })
  })

  it('is told again over another connection, and takes one answer', async () => {
    const { old, next, host } = parties()
    const document = await transitionOf(old.signer, next.signer, 1)
    // A gateway whose first connection dies with the answer.
    let asked = 0
    const transitions = {
      receiveTransition: async () => (asked++ === 0 ? await new Promise<never>(() => {}) : ('accepted' as const)),
    }
    const clients = { checkClient: async () => 'accept' as const }
    const listener = await GatewayListener.listen({
      ...host.ports,
      suites: DEFAULT_SUITES,
      clients,
      transitions,
      listen: 'ws://127.0.0.1:0',
      onSession: () => {},
    })
    const carriers: { close(): Promise<void> }[] = []
    const carrier = async () => {
      const made = await connectWebSocket(listener.url)
      carriers.push(made)
      return made
    }
    const trust = { checkGateway: async () => 'accept' as const }
    const session = await connectSession({ ...old.ports, suites: DEFAULT_SUITES, carrier, trust, random: () => 0 })
    const answer = session.transition(document)
    await expect(session.transition(document)).rejects.toMatchObject({ code: 'limit' })
    await vi.waitUntil(() => asked === 1)
    await carriers[0]?.close()
    expect(await answer).toBe('accepted')
    expect([asked, carriers.length]).toEqual([2, 2])
    await session.close()
    await listener.close()
  })

  it('has its session also where the connection is lost before the answer leaves', async () => {
    const { old, next, host } = parties()
    const document = await transitionOf(old.signer, next.signer, 1)
    let asked = 0
    const receiveTransition = async () => {
      asked += 1
      if (asked === 1) network.cut()
      return 'accepted' as const
    }
    const network = new Network(host, { transitions: { receiveTransition } })
    const session = await network.connect(old)
    expect(await session.transition(document)).toBe('accepted')
    expect(asked).toBe(2)
    expect(network.sessions).toHaveLength(1)
    await session.close()
  })

  it('asks only a gateway that knows transitions, and only about its own key', async () => {
    const { old, next, other, host } = parties()
    const pair = await connected(old, host)
    expect(await pair.client.transition(await transitionOf(old.signer, next.signer, 1))).toBe('refused')
    const foreign = await transitionOf(other.signer, next.signer, 1)
    await expect(pair.client.transition(foreign)).rejects.toMatchObject({ code: 'key-missing' })
    await expect(pair.client.transition(new Uint8Array(9))).rejects.toMatchObject({ code: 'decode' })
    await expect(pair.gateway.transition(foreign)).rejects.toMatchObject({ code: 'internal' })
    await pair.client.close()
    await expect(pair.client.transition(foreign)).rejects.toMatchObject({ code: 'session-closed' })
  })

  async function ends(client: Party, gateway: Party, clients: ClientRegistry) {
    const [left, right] = MemoryCarrier.pair()
    const both = { client: connect(client, left), gateway: accept(gateway, right, { clients }) }
    await Promise.allSettled(Object.values(both))
    return both
  }
})

describe('a gateway takes no wrong transition', () => {
  /** A client with real keys that sends these records. @returns the alert that ends the session */
  async function told(send: (peer: RawPeer) => Promise<void>, client = parties().old): Promise<number> {
    const { host } = parties()
    const [left, right] = MemoryCarrier.pair()
    const clients = registry([client])
    const [peer] = await Promise.all([
      RawPeer.connect(client, left),
      accept(host, right, { clients, transitions: clients }),
    ])
    await send(peer)
    return await peer.alert()
  }
  const sends =
    (...documents: readonly Uint8Array[]) =>
    async (peer: RawPeer): Promise<void> => {
      for (const document of documents) await peer.send(RECORD.Transition, encodeTransition(document))
    }

  it('one that is none: 21; one too long: 21; one whose signatures do not hold: 51', async () => {
    const { old, next } = parties()
    const document = await transitionOf(old.signer, next.signer, 1)
    expect(await told(sends(Buffer.from('{}')))).toBe(21)
    expect(await told(sends(altered(document, (value) => ({ ...value, more: 1 }))))).toBe(21)
    expect(await told(sends(new Uint8Array(32 * 1024 + 1)))).toBe(21)
    expect(await told((peer) => peer.send(RECORD.Transition, encodeCbor([document, 1])))).toBe(21)
    const swapped = altered(document, (value) => ({ ...value, signatures: value.signatures.toReversed() }))
    expect(await told(sends(swapped))).toBe(51)
    const selfSigned = altered(document, ({ signatures: [first], ...value }) => ({
      ...value,
      signatures: [first, first],
    }))
    expect(await told(sends(selfSigned))).toBe(51)
  })

  it('one of another party, also where that party would be served: 42', async () => {
    const { old, next, other } = parties()
    expect(await told(sends(await transitionOf(old.signer, next.signer, 1)), other)).toBe(42)
    // The successor itself may not say it either: whoever stole the new key would end the old one.
    expect(await told(sends(await transitionOf(old.signer, next.signer, 1)), next)).toBe(42)
  })

  it('two at once: 115; an answer to it, or one that nobody asked for: 10', async () => {
    const { old, next, host } = parties()
    const document = await transitionOf(old.signer, next.signer, 1)
    expect(await told(sends(document, document))).toBe(115)
    const answer = encodeTransitionAnswer({ digest: sha384(document), status: 'accepted' })
    expect(await told((peer) => peer.send(RECORD.TransitionAnswer, answer))).toBe(10)
    const pair = await connected(old, host)
    // Reaches below the session on purpose: a gateway of ours never says it.
    const connection: { send(type: number, payload: Uint8Array): Promise<void> } = Reflect.get(
      pair.gateway,
      'connection',
    )
    await connection.send(RECORD.TransitionAnswer, answer)
    expect(await pair.client.closed).toMatchObject({ code: 'peer-protocol', alert: 10 })
  })
})

describe('a gateway that rotates its key', () => {
  const ADDRESS = 'ws://host:1'

  it('shows its document; the person is asked, the pin moves, and statements count from its time on', async () => {
    const { old, host, hostNext } = parties()
    const pins = new GatewayPins(folder, systemClock)
    const asked: unknown[] = []
    const ask = async (question: object) => asked.push(question) > 0
    const trust = pins.trust(ADDRESS, { kind: 'first-use', ask })
    await (await connected(old, host, { trust })).client.close()
    const at = Date.now()
    const transition = await transitionOf(host.signer, hostNext.signer, at)
    const pair = await connected(old, hostNext, { trust }, { transition })
    expect(asked[1]).toMatchObject({ kid: hostNext.signer.kid, rotation: { from: host.signer.kid, at } })
    await call(pair.client)
    await pair.client.close()
    // The old one is refused now, and the new one asks nobody.
    const [left, right] = MemoryCarrier.pair()
    const back = await Promise.allSettled([connect(old, left, { trust }), accept(host, right)])
    expect(back.map((end) => end.status === 'rejected' && end.reason)).toMatchObject([{ code: 'peer-changed' }, {}])
    await (await connected(old, hostNext, { trust }, { transition })).client.close()
    expect(asked.length).toBe(2)
  })

  it('with a document that leads elsewhere is alert 42, with one that is none or critical 21, unoffered 43', async () => {
    const { old, other, host, hostNext } = parties()
    const document = await transitionOf(host.signer, hostNext.signer, 1)
    const tries = [
      [['transition', false, document], other, 42],
      [['transition', false, Buffer.from('{"v":1}')], hostNext, 21],
      [['transition', true, document], hostNext, 21],
      [['transition', false, new Uint8Array(32 * 1024 + 1)], hostNext, 21],
      [['other', false, new Uint8Array(1)], hostNext, 43],
      [['other', false, new Uint8Array(4097)], hostNext, 21],
    ] as const
    for (const [extension, self, alert] of tries) {
      const [left, right] = MemoryCarrier.pair()
      right.onFrame((frame) => {
        if (frame[0] !== ELEMENT.M1) return
        void serverHello(frame, self.signer, { extensions: [extension] }).then((flight) =>
          right.send(Buffer.concat(flight.map(({ bytes }) => bytes))),
        )
      })
      right.resume()
      expect(alertOf(await connect(old, left).catch((error: unknown) => error))).toBe(alert)
    }
  })
})

describe('windows of keys', () => {
  it('refuse a statement of any other time: 45', async () => {
    const { old, host } = parties()
    for (const window of [{ until: Date.now() }, { from: Date.now() + 60_000 }]) {
      const pair = await connected(old, host, {}, { clients: { checkClient: async () => window } })
      await call(pair.client).catch(() => {})
      expect(await pair.gateway.closed).toMatchObject({ code: 'peer-expired', alert: 45 })
      expect(await pair.client.closed).toMatchObject({ code: 'session-refused' })
      expect(host.rejections.at(-1)).toMatchObject({ alert: 45, claimed: { server: 'files' } })
    }
    // The same of a gateway, by what the client's pins say.
    const trust = { checkGateway: async () => ({ until: Date.now() }) }
    const pair = await connected(old, host, { trust })
    pair.gateway.receive(({ digest, statement: { exchange } }) => {
      const end = { events: 0, reason: 'complete' }
      void pair.gateway
        .send({
          kind: 'end',
          server: 'files',
          exchange,
          head: new Uint8Array(0),
          body: new Uint8Array(0),
          req: digest,
          end,
        })
        .catch(() => {})
    })
    await call(pair.client)
    expect(await pair.client.closed).toMatchObject({ code: 'peer-expired', alert: 45 })
  })

  it('and lists are looked at while a session runs: revoked ends it within a minute, 44', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { old, host } = parties()
    const clients = new ClientRegistry(folder, 'enroll', systemClock, silent, POLICY)
    const pair = await connected(old, host, {}, { clients })
    await vi.advanceTimersByTimeAsync(STANDING_INTERVAL)
    await call(pair.client)
    const path = join(folder, 'clients.json')
    const [entry] = await clients.list()
    // Once unreadable is an editor that saves; the list that says no is a no.
    writeFileSync(path, '{')
    await vi.advanceTimersByTimeAsync(STANDING_INTERVAL)
    await vi.waitUntil(() => host.lines.some((line) => line.includes('cannot be read')))
    await call(pair.client)
    writeFileSync(path, JSON.stringify({ v: 1, peers: [{ ...entry, revoked: true }] }))
    await vi.advanceTimersByTimeAsync(STANDING_INTERVAL)
    expect(await pair.gateway.closed).toMatchObject({ code: 'peer-revoked' })
    expect(await pair.client.closed).toMatchObject({
      code: 'session-refused',
      message: expect.stringContaining('was revoked'),
    })
  })
})
