import { beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import { alertOf } from '../../../src/session/alerts.ts'
import type { UpstreamLeg } from '../../../src/session/api.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import { connectSession } from '../../../src/session/client.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import { ELEMENT } from '../../../src/session/handshake/elements.ts'
import { encodeLegs, parseLegs } from '../../../src/session/legs/messages.ts'
import { MAX_LEGS } from '../../../src/session/limits.ts'
import { Emitter } from '../../../src/support/emitter.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { connect, join, type Pair, Party } from '../../fakes/party.ts'
import { serverHello } from '../../fakes/rawGateway.ts'

const FILES: UpstreamLeg = { server: 'files', reach: 'pipe', proxied: false }
const tickets = (reach: UpstreamLeg['reach']): UpstreamLeg => ({ server: 'tickets', reach, proxied: true })

/** What a gateway would say, and says anew when a test changes it. */
class Told {
  legs: readonly UpstreamLeg[] = [FILES, tickets('tls')]
  private readonly changed = new Emitter<void>()
  readonly onLegs = this.changed.event

  change(...legs: readonly UpstreamLeg[]): void {
    this.legs = legs
    this.changed.fire()
  }
}

let [editor, host]: readonly Party[] = []
beforeAll(async () => {
  ;[editor, host] = await Promise.all([1, 2].map((seed) => Party.create(seed, `party ${seed}`)))
})

function parties(): Record<'editor' | 'host', Party> {
  if (!editor || !host) throw new Error('the parties are not made yet')
  editor.told.length = 0
  return { editor, host }
}

/** Reaches below a session on purpose: an end of ours never says it. */
function say(end: Pair['client'], payload: Uint8Array): Promise<void> {
  const connection: { send(type: number, payload: Uint8Array): Promise<void> } = Reflect.get(end, 'connection')
  return connection.send(RECORD.Legs, payload)
}

describe('the legs behind a gateway', () => {
  it('are told when a session begins, and again when they change', async () => {
    const { editor, host } = parties()
    const legs = new Told()
    const { client } = await join(editor, host, {}, { legs })
    await vi.waitUntil(() => editor.told.length > 0)
    expect(editor.told).toEqual([[FILES, tickets('tls')]])
    legs.change(FILES, tickets('tls-mlkem'))
    await vi.waitUntil(() => editor.told.length > 1)
    // Many at once are as few records as the carrier takes; the last one counts.
    for (let times = 0; times < 100; times += 1) legs.change(FILES, tickets('tls'))
    legs.change(tickets('tls-classical'))
    await vi.waitUntil(() => editor.told.at(-1)?.length === 1)
    expect(editor.told.at(-1)).toEqual([tickets('tls-classical')])
    expect(editor.told.length).toBeLessThan(10)
    await client.close()
    legs.change(FILES)
  })

  it('are told again on the connection that a session is resumed on', async () => {
    const { editor, host } = parties()
    const legs = new Told()
    const listener = await GatewayListener.listen({
      ...host.ports,
      suites: DEFAULT_SUITES,
      clients: { checkClient: async () => 'accept' as const },
      legs,
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
    const session = await connectSession({ ...editor.ports, suites: DEFAULT_SUITES, carrier, trust, random: () => 0 })
    await vi.waitUntil(() => editor.told.length === 1)
    await carriers[0]?.close()
    await vi.waitUntil(() => editor.told.length === 2, { timeout: 20_000 })
    expect(carriers).toHaveLength(2)
    legs.change(FILES)
    await vi.waitUntil(() => editor.told.at(-1)?.length === 1)
    await session.close()
    await listener.close()
  })

  it('of a gateway that does not tell are not known, and a record about them ends the session: 10', async () => {
    const { editor, host } = parties()
    const { client, gateway } = await join(editor, host)
    expect(editor.told).toEqual([undefined])
    await say(gateway, encodeLegs([FILES]))
    expect(await client.closed).toMatchObject({ code: 'peer-protocol', alert: 10 })
  })

  it('are nothing that a client may tell: 10', async () => {
    const { editor, host } = parties()
    const { client, gateway } = await join(editor, host, {}, { legs: new Told() })
    await say(client, encodeLegs([FILES]))
    expect(await gateway.closed).toMatchObject({ code: 'peer-protocol', alert: 10 })
  })

  it.each([
    ['an unknown kind', [['files', 'carrier pigeon', false]]],
    ['an address', [['https://files.example/mcp', 'tls', false]]],
    [
      'a server twice',
      [
        ['files', 'pipe', false],
        ['files', 'tls', false],
      ],
    ],
    ['one more member', [['files', 'pipe', false, 1]]],
    ['a number for a flag', [['files', 'pipe', 0]]],
    [
      'more servers than a gateway may name',
      Array.from({ length: MAX_LEGS + 1 }, (_, at) => [`s${at}`, 'pipe', false]),
    ],
  ])('with %s end the session: 21', async (_, payload) => {
    const { editor, host } = parties()
    const { client, gateway } = await join(editor, host, {}, { legs: new Told() })
    await say(gateway, encodeCbor(payload))
    expect(alertOf(await client.closed)).toBe(21)
    expect(editor.told).toEqual([[FILES, tickets('tls')]])
  })

  it('are an extension that is not critical and says nothing but its name: 21; not offered, 43', async () => {
    const { editor, host } = parties()
    for (const [extension, alert] of [
      [['legs', true, new Uint8Array(0)], 21],
      [['legs', false, new Uint8Array(1)], 21],
      [['leg', false, new Uint8Array(0)], 43],
    ] as const) {
      const [left, right] = MemoryCarrier.pair()
      right.onFrame((frame) => {
        if (frame[0] !== ELEMENT.M1) return
        void serverHello(frame, host.signer, { extensions: [extension] }).then((flight) =>
          right.send(Buffer.concat(flight.map(({ bytes }) => bytes))),
        )
      })
      right.resume()
      expect(alertOf(await connect(editor, left).catch((error: unknown) => error))).toBe(alert)
    }
  })

  it('fit a record, however many servers there are', () => {
    const many = Array.from({ length: 2000 }, (_, at) => ({ ...FILES, server: `${at}`.padStart(64, 's') }))
    const payload = encodeLegs(many)
    expect(payload.length).toBeLessThan(128 * 1024)
    expect(parseLegs(payload)).toEqual(many.slice(0, MAX_LEGS))
  })
})
