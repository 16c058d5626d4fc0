import { beforeAll, describe, expect, it } from 'vitest'
import { toCountersignError } from '../../../src/support/errors.ts'
import { MemoryCarrier, type Tamper } from '../../fakes/memoryCarrier.ts'
import { accept, connect, join, Party } from '../../fakes/party.ts'

const NONE = new Uint8Array(0)
const BODY = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}')

let editor: Party
let host: Party
beforeAll(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
})

/** Positions spread over a frame: all of its first bytes, its last ones, and `count` between. */
function positions(length: number, count: number): number[] {
  const edges = Array.from({ length: 24 }, (_, index) => index)
  const tail = Array.from({ length: 20 }, (_, index) => length - 1 - index)
  const between = Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count))
  return [...new Set([...edges, ...between, ...tail])].filter((at) => at >= 0 && at < length)
}

function flip(frame: Uint8Array, at: number): Uint8Array {
  const changed = frame.slice()
  const index = Math.min(at, frame.length - 1)
  changed[index] = (changed[index] ?? 0) ^ (1 << (at % 8))
  return changed
}

/** Runs a handshake in which one end's frame of this number is changed. Returns whether a session came to be. */
async function handshake(
  by: 'client' | 'gateway',
  number: number,
  tamper: Tamper,
): Promise<{ established: boolean; codes: string[] }> {
  const [left, right] = MemoryCarrier.pair()
  const carrier = by === 'client' ? left : right
  carrier.tamper = (frame, index) => (index === number ? tamper(frame, index) : [frame])
  const opening = [connect(editor, left, { timeout: 400 }), accept(host, right, { timeout: 400 })] as const
  const [one, two] = await Promise.allSettled(opening)
  const codes: string[] = []
  for (const end of [one, two]) {
    if (end.status === 'rejected') codes.push(toCountersignError(end.reason).code)
    else {
      // The gateway may have said Ready before it learns that the client never heard it.
      const reason = await Promise.race([
        end.value.closed,
        new Promise((resolve) => setTimeout(resolve, 5000, 'alive')),
      ])
      codes.push(reason === 'alive' ? 'alive' : 'closed')
    }
  }
  await Promise.all([left.close(), right.close()])
  return { established: one.status === 'fulfilled', codes }
}

describe('a handshake that is touched on the way', () => {
  const MESSAGES = [
    { name: 'ClientHello', by: 'client', number: 0, length: 1818 },
    { name: 'ServerHello', by: 'gateway', number: 0, length: 9166 },
    { name: 'ClientAuth', by: 'client', number: 1, length: 12903 },
    { name: 'Ready', by: 'gateway', number: 1, length: 94 },
  ] as const
  for (const { name, by, number, length } of MESSAGES) {
    it(`ends when a bit of ${name} flips`, async () => {
      for (const at of positions(length, 16)) {
        const { established, codes } = await handshake(by, number, (frame) => [flip(frame, at)])
        expect(established, `bit at ${at}`).toBe(false)
        expect(codes, `bit at ${at}`).not.toContain('alive')
        expect(codes, `bit at ${at}`).not.toContain('internal')
      }
    }, 60_000)

    it(`ends when ${name} is cut, lengthened, lost, repeated before its answer or swapped for noise`, async () => {
      const noise = (frame: Uint8Array): Uint8Array => frame.map((_, index) => (index * 37) % 256)
      const changes: Readonly<Record<string, Tamper>> = {
        cut: (frame) => [frame.slice(0, -1)],
        halved: (frame) => [frame.slice(0, frame.length / 2)],
        empty: () => [NONE],
        lengthened: (frame) => [Buffer.concat([frame, Uint8Array.of(0)])],
        lost: () => [],
        noise: (frame) => [noise(frame)],
        huge: () => [new Uint8Array(70_000)],
      }
      for (const [change, tamper] of Object.entries(changes)) {
        const { established, codes } = await handshake(by, number, tamper)
        expect(established, change).toBe(false)
        expect(codes, change).not.toContain('alive')
        expect(codes, change).not.toContain('internal')
      }
    }, 60_000)
  }

  it('ends when a message is repeated', async () => {
    for (const { name, by, number } of MESSAGES) {
      const { codes } = await handshake(by, number, (frame) => [frame, frame])
      // A repeated Ready is a repeated record: the session that had begun ends.
      expect(codes, name).not.toContain('alive')
    }
  }, 20_000)

  it('cannot be fed with the messages of another handshake', async () => {
    const { carriers } = await join(editor, host)
    for (const [by, number] of [
      ['gateway', 0],
      ['client', 1],
      ['gateway', 1],
    ] as const) {
      const recorded = carriers[by === 'client' ? 0 : 1].sent[number] ?? NONE
      const { established } = await handshake(by, number, () => [recorded])
      expect(established).toBe(false)
    }
  })

  it('fails with a cleartext alert from anybody, which says so', async () => {
    const { encodeAlert } = await import('../../../src/session/handshake/messages.ts')
    const [left, right] = MemoryCarrier.pair()
    right.tamper = () => [encodeAlert(42, '').bytes]
    const [one] = await Promise.allSettled([connect(editor, left), accept(host, right)])
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'session-refused' } })
    if (one.status === 'rejected') expect(String(one.reason)).toContain('or somebody on the way')
  })
})

describe('records that are touched on the way', () => {
  /** Sends one request whose n-th frame after the handshake is changed; the gateway must end and release nothing. */
  async function request(number: number, tamper: Tamper): Promise<void> {
    const { client, gateway, carriers } = await join(editor, host)
    const received: unknown[] = []
    gateway.receive((context) => void received.push(context))
    const first = carriers[0].sent.length
    carriers[0].tamper = (frame, index) => (index === first + number ? tamper(frame, index) : [frame])
    const exchange = client.nextExchange()
    await client.send({ kind: 'request', server: 'files', exchange, head: NONE, body: BODY }).catch(() => {})
    const reason = await Promise.race([gateway.closed, new Promise((resolve) => setTimeout(resolve, 5000, 'alive'))])
    expect(reason).toMatchObject({ code: 'peer-protocol' })
    expect(received).toEqual([])
    expect(host.rejections.at(-1)?.alert).toBe(20)
    expect(await client.closed).toMatchObject({ code: 'peer-protocol' })
  }

  it('end the session when a bit flips, in header, ciphertext or tag', async () => {
    for (const [number, length] of [
      [0, 90],
      [1, 7900],
    ] as const) {
      for (const at of positions(length, 8).filter((at) => at < length - 20 || number === 0)) {
        await request(number, (frame) => [flip(frame, Math.min(at, frame.length - 1))])
      }
      await request(number, (frame) => [flip(frame, frame.length - 1)])
    }
  }, 60_000)

  it('end the session when they are cut, lost, repeated or reordered', async () => {
    await request(0, (frame) => [frame.slice(0, -1)])
    await request(0, (frame) => [frame.slice(0, 16)])
    await request(0, () => [NONE])
    await request(0, () => [])
    await request(0, (frame) => [frame, frame])
    let kept: Uint8Array = NONE
    const { client, gateway, carriers } = await join(editor, host)
    const first = carriers[0].sent.length
    carriers[0].tamper = (frame, index) => {
      if (index === first) kept = frame
      return index === first ? [] : index === first + 1 ? [frame, kept] : [frame]
    }
    await client.send({ kind: 'request', server: 'files', exchange: 1, head: NONE, body: BODY }).catch(() => {})
    expect(await gateway.closed).toMatchObject({ code: 'peer-protocol' })
  }, 20_000)
})
