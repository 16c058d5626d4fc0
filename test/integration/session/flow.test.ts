import { beforeEach, expect, it } from 'vitest'
import type { OutgoingContext, Session, VerifiedContext } from '../../../src/session/api.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import type { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { join, Party } from '../../fakes/party.ts'

const NONE = new Uint8Array(0)

let editor: Party
let host: Party
let client: Session
let gateway: Session
let carriers: readonly [MemoryCarrier, MemoryCarrier]

beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
  ;({ client, gateway, carriers } = await join(editor, host))
})

function message(text: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { text } }))
}

function request(exchange: number, body: Uint8Array = message('hello')): OutgoingContext {
  return { kind: 'request', server: 'files', exchange, head: NONE, body }
}

function event(context: VerifiedContext, body: Uint8Array): OutgoingContext {
  const { server, exchange } = context.statement
  return { kind: 'event', server, exchange, head: NONE, body, req: context.digest }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

it('carries contexts of 0 bytes, of 10 MB and of 16 MiB, and refuses more', async () => {
  host.keep(gateway)
  for (const length of [0, 1, 192 * 1024, 192 * 1024 + 1, 10_000_000, 16 * 1024 * 1024]) {
    const body = new Uint8Array(length).fill(0x37)
    await client.send(request(client.nextExchange(), body))
    await until(() => host.received.at(-1)?.body.length === length)
    // Not toEqual: it takes minutes for 16 MiB.
    expect(Buffer.compare(host.received.at(-1)?.body ?? NONE, body)).toBe(0)
  }
  const tooLong = client.send(request(client.nextExchange(), new Uint8Array(16 * 1024 * 1024 + 1)))
  await expect(tooLong).rejects.toMatchObject({ code: 'limit' })
}, 30_000)

it('serves 200 exchanges at once, each in its own order', async () => {
  gateway.receive(async (context) => {
    for (const part of ['a', 'b', 'c'])
      await gateway.send(event(context, new TextEncoder().encode(`data: ${part}\n\n`)))
  })
  editor.keep(client)
  await Promise.all(Array.from({ length: 200 }, () => client.send(request(client.nextExchange()))))
  await until(() => editor.received.length === 600)
  const order = new Map<number, string>()
  for (const { statement, body } of editor.received) {
    order.set(statement.exchange, (order.get(statement.exchange) ?? '') + Buffer.from(body).toString()[6])
  }
  expect(order.size).toBe(200)
  expect([...order.values()].every((parts) => parts === 'abc')).toBe(true)
  expect(editor.received.map(({ statement }) => statement.seq)).toEqual(Array.from({ length: 600 }, (_, seq) => seq))
}, 30_000)

it('lets a slow consumer slow its own exchange and no other', async () => {
  const chunk = new TextEncoder().encode(`data: ${'x'.repeat(100_000)}\n\n`)
  const sent = { slow: 0, fast: 0 }
  gateway.receive(async (context) => {
    const name = context.statement.exchange === 1 ? 'slow' : 'fast'
    for (let number = 0; number < 60; number++) {
      await gateway.send(event(context, chunk)).catch(() => {})
      sent[name] += 1
    }
  })
  let release: () => void = () => {}
  const blocked = new Promise<void>((resolve) => {
    release = resolve
  })
  const seen = { slow: 0, fast: 0 }
  client.receive(async ({ statement }) => {
    if (statement.exchange === 1) await blocked
    seen[statement.exchange === 1 ? 'slow' : 'fast'] += 1
  })
  await client.send(request(client.nextExchange()))
  await pause(50)
  await client.send(request(client.nextExchange()))
  await until(() => seen.fast === 60)
  expect(seen.slow).toBe(0)
  // One credit of complete contexts, and one that was on the way: the gateway stands still there.
  expect(sent.slow).toBeLessThan(25)
  release()
  await until(() => seen.slow === 60)
}, 30_000)

it('returns all credit: far more than it passes through one exchange', async () => {
  const body = new TextEncoder().encode(`data: ${'y'.repeat(900_000)}\n\n`)
  gateway.receive(async (context) => {
    for (let number = 0; number < 30; number++) await gateway.send(event(context, body))
  })
  let bytes = 0
  client.receive(({ body }) => void (bytes += body.length))
  await client.send(request(client.nextExchange()))
  await until(() => bytes === 30 * body.length)
}, 60_000)

it('leaves no trace of a context that is cancelled before its batch closes', async () => {
  host.keep(gateway)
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  editor.signer.before = () => gate
  const first = client.send(request(client.nextExchange()))
  await pause(20)
  const cancel = new AbortController()
  const second = client.send(request(client.nextExchange(), message('planted secret')), cancel.signal)
  const third = client.send(request(client.nextExchange()))
  await pause(20)
  cancel.abort()
  await expect(second).rejects.toMatchObject({ code: 'cancelled' })
  open()
  await Promise.all([first, third])
  await until(() => host.received.length === 2)
  expect(host.received.map(({ statement }) => [statement.seq, statement.exchange])).toEqual([
    [0, 1],
    [1, 3],
  ])
  expect(editor.settled).toEqual(['cancelled', 'sent', 'sent'])
})

it('gives an error for each context and sends nothing when the key does not sign, and goes on when it does', async () => {
  host.keep(gateway)
  editor.signer.before = () => {
    throw new CountersignError('token-missing', 'The token was removed.')
  }
  const failing = [1, 2, 3].map(() => client.send(request(client.nextExchange())))
  for (const one of failing) await expect(one).rejects.toMatchObject({ code: 'signer-unavailable' })
  editor.signer.before = () => {}
  await client.send(request(client.nextExchange()))
  await until(() => host.received.length === 1)
  expect(host.received[0]?.statement).toMatchObject({ seq: 0, exchange: 4 })
  expect(editor.journal).toHaveLength(1)
})

it('journals before it releases, and before it sends', async () => {
  const order: string[] = []
  const slowly = (name: string) => ({
    append: async () => {
      await pause(20)
      order.push(`${name} journalled`)
    },
  })
  editor = await Party.create(1, 'editor')
  const pair = await join(editor, host, { sink: slowly('editor') }, { sink: slowly('host') })
  pair.gateway.receive(() => void order.push('released'))
  await pair.client.send(request(pair.client.nextExchange()))
  order.push('sent')
  await until(() => order.includes('released'))
  expect(order.indexOf('editor journalled')).toBeLessThan(order.indexOf('sent'))
  expect(order.slice(-2)).toEqual(['host journalled', 'released'])
})

it('ends when the journal cannot be written, at either end, and releases nothing', async () => {
  for (const side of ['client', 'gateway'] as const) {
    const broken = {
      append: async () => {
        throw new CountersignError('journal-write', 'The disk is full.')
      },
    }
    const sink = { sink: broken }
    const parties = [await Party.create(1, 'editor'), await Party.create(2, 'host')] as const
    const pair = await join(...parties, side === 'client' ? sink : {}, side === 'gateway' ? sink : {})
    parties[1].keep(pair.gateway)
    await pair.client.send(request(pair.client.nextExchange())).catch(() => {})
    const own = side === 'client' ? pair.client : pair.gateway
    expect(await own.closed).toMatchObject({ code: 'journal-write' })
    expect(parties[1].received).toEqual([])
  }
})

it('refuses answers that name no open request', async () => {
  host.keep(gateway)
  await client.send(request(client.nextExchange()))
  await until(() => host.received.length === 1)
  const [context] = host.received
  if (context === undefined) throw new Error('nothing came')
  const answer = event(context, new TextEncoder().encode('data: 1\n\n'))
  await expect(gateway.send({ ...answer, exchange: 2 })).rejects.toMatchObject({ code: 'context-refused' })
  await expect(gateway.send({ ...answer, server: 'other' })).rejects.toMatchObject({ code: 'context-refused' })
  await gateway.send({ ...answer, kind: 'end', body: NONE, end: { events: 0, reason: 'complete' } })
  await expect(gateway.send(answer)).rejects.toMatchObject({ code: 'context-refused' })
})

it('ends for both when the carrier is lost, and refuses what comes after', async () => {
  const waiting = client.send(request(client.nextExchange()))
  await carriers[0].close()
  await expect(Promise.all([waiting, client.send(request(client.nextExchange()))])).rejects.toMatchObject({
    code: 'session-closed',
  })
  expect(await client.closed).toMatchObject({ code: 'session-closed' })
  expect(await gateway.closed).toMatchObject({ code: 'session-closed' })
  await client.close()
})

it('ends without a signed goodbye when the signer is gone', async () => {
  editor.signer.before = () => {
    throw new CountersignError('token-missing', 'The token was removed.')
  }
  await client.close()
  expect(await client.closed).toBeUndefined()
  expect(await gateway.closed).toBeUndefined()
  expect(editor.journal).toHaveLength(0)
})

it('logs no context, key or signature', async () => {
  gateway.receive(() => {
    throw new Error('planted secret')
  })
  await client.send(request(client.nextExchange(), message('planted secret')))
  carriers[0].tamper = (frame) => [frame.map((byte) => byte ^ 1)]
  await client.send(request(client.nextExchange(), message('planted secret'))).catch(() => {})
  await gateway.closed
  const lines = [...editor.lines, ...host.lines].join('\n')
  expect(lines).not.toBe('')
  expect(lines).not.toContain('planted')
  expect(lines).not.toContain('tools/call')
})

it('does not claim that nothing was sent when the connection goes while a signed context leaves', async () => {
  const [carrier] = carriers
  const send = carrier.send.bind(carrier)
  // 0x42 is Batch: the peer gets it, and this end never learns that it left.
  carrier.send = (frame) => (frame[0] === 0x42 ? send(frame).then(() => new Promise(() => {})) : send(frame))
  const received: VerifiedContext[] = []
  gateway.receive((context) => void received.push(context))
  const sending = client.send(request(client.nextExchange()))
  const outcome = sending.then(
    () => 'sent',
    (error: unknown) => (error instanceof CountersignError ? error.code : 'another error'),
  )
  await until(() => received.length === 1)
  await carrier.close()
  expect(await outcome).toBe('outcome-unknown')
})
