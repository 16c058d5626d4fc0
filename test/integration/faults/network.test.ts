import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'vitest'
import type { Clock } from '../../../src/support/clock.ts'
import { MAX_HALF_OPEN } from '../../../src/session/limits.ts'
import { toCountersignError } from '../../../src/support/errors.ts'
import type { ByteRelay } from '../../fakes/byteRelay.ts'
import type { Way } from '../../fakes/chainRelay.ts'
import { type ConnectChanges, Party } from '../../fakes/party.ts'
import { answerTo, callThrough, type Client, type Framing, Stand } from '../../faults/stand.ts'

/**
 * What else a network does, over real sockets: it is slow, it falls silent, one of its ways ends, it takes connections and
 * says nothing. (That it ends, at any byte, is in cuts.test.ts; that it changes something, in chain/relay.test.ts.)
 */
const QUIET = 400

interface Open {
  readonly stand: Stand
  readonly relay: ByteRelay
  readonly party: Party
  readonly connect: (changes?: ConnectChanges) => Promise<Client>
}

async function withStand(framing: Framing, run: (open: Open) => Promise<void>): Promise<void> {
  const stand = await Stand.open(framing)
  const [relay, party] = await Promise.all([stand.relay(), Party.create(1, 'editor')])
  try {
    await run({ stand, relay, party, connect: (changes) => stand.connect(party, relay, changes) })
  } finally {
    await relay.close()
    await stand.close()
  }
}

/** How many bytes of a way a session and its first call take, acknowledged: the next session will take as many. */
async function oneCall(connect: Open['connect'], relay: ByteRelay, way: Way): Promise<number> {
  const client = await connect()
  await callThrough(client, 1)
  await sleep(QUIET)
  const { passed } = relay.last
  const bytes = passed[way]
  await client.session.close()
  return bytes
}

/** A clock that the test puts on: the next record asks whether anybody is still there, and that has ten real seconds. */
function jumping(): Clock & { jump: number } {
  const clock = { jump: 0, now: () => Date.now(), monotonic: () => performance.now() + clock.jump }
  return clock
}

describe.concurrent.each(['webSocket', 'stream'] as const)('over %s', (framing) => {
  it('a network that is slow costs time', async ({ expect }) => {
    await withStand(framing, async ({ stand, relay, connect }) => {
      relay.delay = 40
      const client = await connect()
      const ids = Array.from({ length: 20 }, (_, index) => 100 + index)
      const answers = await Promise.all(ids.map((id) => callThrough(client, id)))
      expect(answers).toEqual(ids.map(answerTo))
      expect(Array.from(stand.executions.values())).toEqual(ids.map(() => 1))
      expect(relay.connections).toBe(1)
      await client.session.close()
    })
  })

  for (const way of ['c2s', 's2c'] as const) {
    it(`one way that ends, ${way}, ends the connection and no call`, async ({ expect }) => {
      await withStand(framing, async ({ stand, relay, party, connect }) => {
        const at = (await oneCall(connect, relay, way)) - 3_000
        relay.faults.push({ way, at, how: 'half' })
        const client = await connect()
        expect(await callThrough(client, 2)).toBe(answerTo(2))
        expect(relay.fired).toBe(1)
        expect(await callThrough(client, 3)).toBe(answerTo(3))
        expect(party.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'resumed'])
        expect(Array.from(stand.executions.values())).toEqual([1, 1, 1])
        await client.session.close()
      })
    })

    it(`silence in the middle of a call, ${way}, is noticed; the call is answered over another connection, once`, async ({
      expect,
    }) => {
      await withStand(framing, async ({ stand, relay, party, connect }) => {
        // So early in the second call that nothing of it arrives whole, which would be a sign of life.
        const at = (await oneCall(connect, relay, way)) + 10
        relay.faults.push({ way, at, how: 'stall' })
        const clock = jumping()
        const client = await connect({ clock })
        expect(await callThrough(client, 2)).toBe(answerTo(2))
        await sleep(QUIET)
        clock.jump = 61_000
        expect(await callThrough(client, 3)).toBe(answerTo(3))
        expect(relay.fired).toBe(1)
        expect(party.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'resumed'])
        expect(party.connections[0]).toMatchObject({ error: { message: 'The other end no longer answers.' } })
        expect(Array.from(stand.executions.values())).toEqual([1, 1, 1])
        await client.session.close()
      })
    })

    it(`silence in the first handshake, ${way}, is a clear error, and the next connection works`, async ({
      expect,
    }) => {
      await withStand(framing, async ({ relay, connect }) => {
        relay.faults.push({ way, at: 5_000, how: 'stall' })
        const refused = await connect({ timeout: 700 }).catch(toCountersignError)
        expect(refused).toMatchObject({ code: 'handshake-timeout' })
        const client = await connect()
        expect(await callThrough(client, 1)).toBe(answerTo(1))
        await client.session.close()
      })
    })
  }

  it('a machine that takes connections and says nothing: an error at first, patience for a session that is there', async ({
    expect,
  }) => {
    await withStand(framing, async ({ stand, relay, party, connect }) => {
      relay.silent = true
      // Ten seconds of the carrier's own, or of the handshake over a carrier that has nothing to agree on.
      const refused = connect().catch(toCountersignError)
      expect(await refused).toMatchObject({ code: expect.stringMatching(/^(gateway-unreachable|handshake-timeout)$/) })
      relay.silent = false
      const client = await connect()
      expect(await callThrough(client, 1)).toBe(answerTo(1))
      relay.silent = true
      relay.last.cut()
      const waiting = callThrough(client, 2)
      await expect.poll(() => relay.connections, { timeout: 5_000 }).toBe(3)
      relay.silent = false
      expect(await waiting).toBe(answerTo(2))
      expect(party.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'waiting', 'resumed'])
      expect(Array.from(stand.executions.values())).toEqual([1, 1])
      await client.session.close()
    })
  })

  it('handshakes that were cut take no place of those that follow', async ({ expect }) => {
    await withStand(framing, async ({ relay, party, stand, connect }) => {
      // More than a gateway has at once, and all in less than the ten seconds that each may take.
      const cut = async (at: number): Promise<void> => {
        relay.faults.push({ way: 'c2s', at, how: at % 2 === 0 ? 'end' : 'reset' })
        const refused = await stand.connect(party, relay).catch(toCountersignError)
        expect(refused).toMatchObject({ code: 'session-closed' })
      }
      for (let round = 0; round < MAX_HALF_OPEN + 8; round += 8) {
        await Promise.all(Array.from({ length: 8 }, (_, index) => cut(5_000 + round + index)))
      }
      expect(relay.fired).toBe(MAX_HALF_OPEN + 8)
      const client = await connect()
      expect(await callThrough(client, 1)).toBe(answerTo(1))
      await client.session.close()
    })
  })
})
