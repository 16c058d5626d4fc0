import { expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'
import type { Session } from '../../../src/session/api.ts'
import { HEADER_LENGTH, RECORD } from '../../../src/session/channel/record.ts'
import { MAX_RECORD } from '../../../src/session/limits.ts'
import { Deferred } from '../../../src/session/deferred.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { accept, join, Party } from '../../fakes/party.ts'
import { RawPeer } from '../../fakes/rawPeer.ts'

it('ends also when the other end reads no more', async () => {
  const [editor, host] = await Promise.all([Party.create(1, 'editor'), Party.create(2, 'host')])
  const { gateway, carriers } = await join(editor, host)
  // A network that is gone, or a peer that does it on purpose: nothing that is written ever leaves.
  carriers[1].send = () => new Promise(() => {})
  await gateway.close()
  await expect(gateway.closed).resolves.toBeUndefined()
}, 10_000)

it('shows what is signed and journalled also when it is not known whether it arrived', async () => {
  const [editor, host] = await Promise.all([Party.create(1, 'editor'), Party.create(2, 'host')])
  const told: string[] = []
  const observer = {
    evidence: () => void told.push('evidence'),
    settled: (_: number, outcome: string) => void told.push(outcome),
  }
  const { client, carriers } = await join(editor, host, { observer })
  const [carrier] = carriers
  const send = MemoryCarrier.prototype.send.bind(carrier)
  carrier.send = (frame) => (frame[0] === RECORD.Batch ? new Promise(() => {}) : send(frame))
  const body = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}')
  const call = client.send({
    kind: 'request',
    server: 's',
    exchange: client.nextExchange(),
    head: new Uint8Array(0),
    body,
  })
  await expect.poll(() => editor.journal.length).toBe(1)
  await carrier.close()
  await expect(call).rejects.toMatchObject({ code: 'outcome-unknown' })
  expect(told).toEqual(['evidence', 'failed'])
})

it('does not take whoever a proxy speaks for as a process of this machine', async () => {
  const carriers: Carrier[] = []
  const listening = await listenWebSocket({ url: 'ws://127.0.0.1:0', onCarrier: (carrier) => carriers.push(carrier) })
  const headers = [{}, { 'x-forwarded-for': '192.0.2.1' }, { forwarded: 'for=192.0.2.1' }, { via: '1.1 proxy' }]
  for (const [index, given] of headers.entries()) {
    void new WebSocket(listening.url, ['countersign.v1'], { headers: given }).on('error', () => {})
    await expect.poll(() => carriers.length).toBe(index + 1)
  }
  expect(carriers.map(({ loopback }) => loopback)).toEqual([true, false, false, false])
  await listening.close()
})

/** A gateway with a client of valid keys that listens for the alert. */
async function begun(): Promise<{ peer: RawPeer; host: Party; gateway: Session }> {
  const [editor, host] = await Promise.all([Party.create(1, 'editor'), Party.create(2, 'host')])
  const [left, right] = MemoryCarrier.pair()
  const [peer, gateway] = await Promise.all([RawPeer.connect(editor, left), accept(host, right)])
  host.keep(gateway)
  return { peer, host, gateway }
}

it('tells the other end that a record was longer than any may be: 22', async () => {
  const { peer, gateway } = await begun()
  await peer.carrier.send(new Uint8Array(HEADER_LENGTH + MAX_RECORD + 1).fill(RECORD.Ping, 0, 1))
  expect(await peer.alert()).toBe(22)
  expect(await gateway.closed).toMatchObject({ alert: 22 })
})

it('tells the other end that something failed inside, and not what: 80', async () => {
  const { peer, host, gateway } = await begun()
  host.ports.sink.append = () => Promise.reject(new CountersignError('journal-write', 'The disk /secret is full.'))
  const statement = peer.statement(new Uint8Array(0), { method: undefined, id: undefined })
  await peer.send(RECORD.Batch, await peer.batch(statement, null))
  expect(await peer.alert()).toBe(80)
  expect(Buffer.from(peer.records.at(-1)?.payload ?? []).toString()).not.toContain('secret')
  expect(await gateway.closed).toMatchObject({ code: 'journal-write' })
  expect(host.received).toEqual([])
})

it('says goodbye with alert 0, sealed', async () => {
  const { peer, gateway } = await begun()
  await gateway.close()
  expect(await peer.alert()).toBe(0)
  expect(await gateway.closed).toBeUndefined()
}, 10_000)

it('ends a WebSocket in order also when its handler asks for a pause with each frame that still waited', async () => {
  const accepted = new Deferred<Carrier>()
  const listening = await listenWebSocket({
    url: 'ws://127.0.0.1:0',
    onCarrier: (carrier) => accepted.resolve(carrier),
  })
  const far = await connectWebSocket(listening.url)
  const near = await accepted.promise
  // As the handshake does, which takes one frame at a time.
  near.onFrame(() => near.pause())
  for (let frame = 0; frame < 5; frame += 1) await far.send(new Uint8Array(1000))
  await new Promise((resolve) => setTimeout(resolve, 100))
  // A socket that is paused never reads the answer to its close frame, and would be broken off by a timer: here none comes.
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    await near.close()
  } finally {
    vi.useRealTimers()
  }
  await expect(near.closed).resolves.toBeUndefined()
  await far.close()
  await listening.close()
})
