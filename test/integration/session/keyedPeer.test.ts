import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import type { Session } from '../../../src/session/api.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import {
  encodeAbort,
  encodeAck,
  encodeFragment,
  encodePing,
  encodeReady,
  encodeWindows,
  parseBatch,
} from '../../../src/session/contexts/messages.ts'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { accept, Party } from '../../fakes/party.ts'
import { type LooseStatement, RawPeer } from '../../fakes/rawPeer.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'

/** A client with valid keys that breaks one rule: what the gateway answers, and that nothing was released. */
const BODY = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}')
const NONE = new Uint8Array(0)
const digest = (bytes: Uint8Array): string => encodeBase64url(sha384(bytes))

let host: Party
let gateway: Session
let peer: RawPeer

beforeEach(async () => {
  const editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
  const [left, right] = MemoryCarrier.pair()
  const [raw, session] = await Promise.all([RawPeer.connect(editor, left), accept(host, right)])
  peer = raw
  gateway = session
  host.keep(gateway)
})

function fragment(
  exchange: number,
  transfer: number,
  bytes: Uint8Array,
  changes: { offset?: number; total?: number } = {},
): Uint8Array {
  return encodeFragment({ exchange, transfer, offset: 0, total: bytes.length, bytes, ...changes })
}

/** Sends a body and a statement about it. */
async function call(changes: LooseStatement = {}, body: Uint8Array = BODY, transfer = 0): Promise<void> {
  await peer.send(RECORD.Fragment, fragment(Number(changes.exchange ?? 1), transfer, body))
  await peer.send(RECORD.Batch, await peer.batch(peer.statement(body, changes), transfer))
}

async function expectAlert(alert: number, released = 0): Promise<void> {
  expect(await peer.alert()).toBe(alert)
  expect(await gateway.closed).toBeInstanceOf(Error)
  expect(host.received).toHaveLength(released)
  expect(host.journal).toHaveLength(released)
  expect(host.rejections.at(-1)?.alert).toBe(alert)
}

it('is served while it keeps the rules', async () => {
  await call()
  while (host.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  expect(host.received[0]?.statement).toMatchObject({ method: 'ping', id: '1', kind: 'request' })
})

describe('a statement that is false', () => {
  const other = (): string => encodeBase64url(randomBytes(48))
  const CASES: readonly [string, number, () => LooseStatement][] = [
    ['of another session', 110, () => ({ sid: other() })],
    ['for another audience', 110, () => ({ aud: encodeBase64url(randomBytes(32)) })],
    ['in the other direction', 110, () => ({ dir: 's2c' })],
    ['with a gap before it', 110, () => ({ seq: 1 })],
    ['with another past', 110, () => ({ prev: other() })],
    ['about another head', 110, () => ({ head: digest(BODY) })],
    ['about another context', 110, () => ({ ctx: { alg: 'sha-384', digest: digest(NONE), length: BODY.length } })],
    ['about another length', 110, () => ({ ctx: { alg: 'sha-384', digest: digest(BODY), length: 1 } })],
    ['with another method', 110, () => ({ method: 'tools/call' })],
    ['with another id', 110, () => ({ id: '2' })],
    ['from the past', 112, () => ({ ts: Date.now() - 130_000 })],
    ['from the future', 112, () => ({ ts: Date.now() + 130_000 })],
    ['that acknowledges what was not sent', 110, () => ({ ack: { seq: 1, head: other() } })],
    ['that acknowledges another start', 110, () => ({ ack: { seq: 0, head: other() } })],
    ['that is an answer', 110, () => ({ kind: 'response', req: other() })],
    ['that cancels what was not begun', 110, () => ({ kind: 'cancel', method: undefined, id: undefined })],
    ['with a member too many', 110, () => ({ extra: 1 })],
    ['without a salt', 110, () => ({ salt: undefined })],
    ['of exchange 0', 110, () => ({ exchange: 0 })],
    ['about the body of another exchange', 110, () => ({ exchange: 2 })],
  ]
  for (const [name, alert, changes] of CASES) {
    it(`${name} is alert ${alert}`, async () => {
      await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
      let payload: Uint8Array
      try {
        payload = await peer.batch(peer.statement(BODY, changes()), 0)
      } catch {
        // The key itself refuses to sign this one: it goes out with the signature of another.
        const honest = parseBatch(await peer.batch(peer.statement(BODY), 0))
        const statement = peer.statement(BODY, changes())
        payload = encodeCbor([honest.jws, [[statement, 0, [], 0, NONE]]])
      }
      await peer.send(RECORD.Batch, payload)
      await expectAlert(alert)
    })
  }

  it('that comes twice is alert 111', async () => {
    await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
    await peer.send(RECORD.Fragment, fragment(1, 1, BODY))
    const statement = peer.statement(BODY)
    await peer.send(RECORD.Batch, await peer.batch(statement, 0))
    await peer.send(RECORD.Batch, await peer.batch(statement, 1))
    await expectAlert(111, 1)
  })

  it('that opens an exchange twice is alert 110', async () => {
    await call()
    await call({ exchange: 1 }, BODY, 1)
    await expectAlert(110, 1)
  })

  it('after the last one is alert 110', async () => {
    const close = peer.statement(NONE, { kind: 'close', server: '-', exchange: 0, method: undefined, id: undefined })
    const after = await peer.batch(peer.statement(NONE, { method: undefined, id: undefined }), null)
    const last = await peer.batch(close, null)
    // Both at once: one that comes later finds the session gone already.
    await Promise.all([peer.send(RECORD.Batch, last), peer.send(RECORD.Batch, after)])
    await peer.carrier.closed
    expect(host.received).toEqual([])
    expect(host.rejections.at(-1)?.alert).toBe(110)
  })
})

describe('evidence that does not hold', () => {
  it('signed by another key is alert 51', async () => {
    await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
    await peer.send(RECORD.Batch, await peer.batch(peer.statement(BODY), 0, await SeedSigner.create(7)))
    await expectAlert(51)
  })

  it('with any changed byte of statement, JWS, proof or head is refused', async () => {
    const honest = parseBatch(await peer.batch(peer.statement(BODY), 0))
    await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
    const [entry] = honest.entries
    if (entry === undefined) throw new Error('no entry')
    const statement = entry.statement.slice()
    statement[statement.length - 30] = (statement[statement.length - 30] ?? 0) ^ 1
    await peer.send(RECORD.Batch, encodeCbor([honest.jws, [[statement, 0, [], 0, NONE]]]))
    await expectAlert(110)
  })

  for (const [name, alert, change] of [
    [
      'a JWS with a key of its own',
      110,
      (jws: string) => jws.replace('{"protected"', '{"header":{"jwk":{}},"protected"'),
    ],
    [
      'a JWS with another protected header',
      51,
      (jws: string) => {
        const header = Buffer.from(JSON.stringify({ alg: 'ML-DSA-65', typ: 'countersign-batch', kid: 'x' })).toString(
          'base64url',
        )
        return jws.replace(/"protected":"[^"]+"/, `"protected":"${header}"`)
      },
    ],
    ['a JWS with a changed signature', 51, (jws: string) => jws.replace(/"signature":"..../, '"signature":"AAAA')],
    ['a JWS with a changed payload', 110, (jws: string) => jws.replace(/"payload":"[^"]{8}/, '"payload":"eyJ2IjoyL')],
  ] as const) {
    it(`${name} is alert ${alert}`, async () => {
      const honest = parseBatch(await peer.batch(peer.statement(BODY), 0))
      await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
      const jws = new TextEncoder().encode(change(Buffer.from(honest.jws).toString()))
      await peer.send(RECORD.Batch, encodeCbor([jws, honest.entries.map((entry) => [entry.statement, 0, [], 0, NONE])]))
      await expectAlert(alert)
    })
  }

  it('with an index or a proof of another tree is alert 110', async () => {
    const honest = parseBatch(await peer.batch(peer.statement(BODY), 0))
    const statement = honest.entries[0]?.statement ?? NONE
    await peer.send(RECORD.Fragment, fragment(1, 0, BODY))
    await peer.send(RECORD.Batch, encodeCbor([honest.jws, [[statement, 1, [randomBytes(48)], 0, NONE]]]))
    await expectAlert(110)
  })
})

describe('records that break a rule', () => {
  const CASES: readonly [string, number, () => Promise<void>][] = [
    ['a Batch before its body', 110, async () => peer.send(RECORD.Batch, await peer.batch(peer.statement(BODY), 0))],
    [
      'a Batch before the end of its body',
      110,
      async () => {
        await peer.send(RECORD.Fragment, fragment(1, 0, BODY.subarray(0, 9), { total: BODY.length }))
        await peer.send(RECORD.Batch, await peer.batch(peer.statement(BODY), 0))
      },
    ],
    [
      'a body that skips ahead',
      21,
      async () => peer.send(RECORD.Fragment, fragment(1, 0, BODY, { offset: 1, total: 99 })),
    ],
    ['a body longer than it says', 21, async () => peer.send(RECORD.Fragment, fragment(1, 0, BODY, { total: 3 }))],
    ['a body number out of order', 21, async () => peer.send(RECORD.Fragment, fragment(1, 5, BODY))],
    ['a total past 16 MiB', 21, async () => peer.send(RECORD.Fragment, fragment(1, 0, BODY, { total: 2 ** 25 }))],
    ['an empty fragment', 21, async () => peer.send(RECORD.Fragment, fragment(1, 0, NONE, { total: 5 }))],
    ['an Abort of nothing', 10, async () => peer.send(RECORD.Abort, encodeAbort(0))],
    ['credit that was not used', 115, async () => peer.send(RECORD.Window, encodeWindows([{ exchange: 0, bytes: 1 }]))],
    [
      'credit of an exchange that is not there',
      115,
      async () => peer.send(RECORD.Window, encodeWindows([{ exchange: 9, bytes: 1 }])),
    ],
    [
      'an Ack of what was not sent',
      110,
      async () => peer.send(RECORD.Ack, encodeAck({ seq: 3, head: randomBytes(48) })),
    ],
    ['a Pong without a Ping', 10, async () => peer.send(RECORD.Pong, encodePing(7))],
    [
      'a second Ready',
      10,
      async () => peer.send(RECORD.Ready, encodeReady({ serverTime: 0, sid: randomBytes(48), resumed: null })),
    ],
    ['a rekey of noise', 21, async () => peer.send(RECORD.RekeyInit, NONE)],
    ['an answer to no rekey', 10, async () => peer.send(RECORD.RekeyAck, NONE)],
    ['an epoch that nobody asked for', 10, async () => peer.send(RECORD.EpochStart, NONE)],
    ['an unknown type', 10, async () => peer.send(0x7f, NONE)],
    ['noise', 21, async () => peer.send(RECORD.Fragment, randomBytes(40))],
    ['an empty Batch', 21, async () => peer.send(RECORD.Batch, encodeCbor([NONE, []]))],
    ['a record with bytes left over', 21, async () => peer.send(RECORD.Ping, Uint8Array.of(...encodePing(1), 0))],
  ]
  for (const [name, alert, misbehave] of CASES) {
    it(`${name} is alert ${alert}`, async () => {
      await misbehave()
      await expectAlert(alert)
    })
  }

  it('more than the credit of the session is alert 115, whatever the exchanges', async () => {
    const piece = new Uint8Array(192 * 1024)
    for (let number = 0; number < 360 && peer.records.every(({ type }) => type !== RECORD.Alert); number++) {
      await peer.send(RECORD.Fragment, fragment(number + 1, number, piece, { total: 1024 * 1024 })).catch(() => {})
    }
    await expectAlert(115)
  }, 20_000)

  it('too many bodies that are only begun is alert 115', async () => {
    for (let number = 0; number < 4200 && peer.records.every(({ type }) => type !== RECORD.Alert); number++) {
      await peer.send(RECORD.Fragment, fragment(number + 1, number, Uint8Array.of(1), { total: 2 })).catch(() => {})
    }
    await expectAlert(115)
  }, 20_000)
})
