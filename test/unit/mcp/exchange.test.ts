import { describe, expect, it, vi } from 'vitest'
import { ExchangeClient, type TunnelResponse } from '../../../src/mcp/exchange/client.ts'
import { type ExchangeHandler, ExchangeServer, type Responder } from '../../../src/mcp/exchange/gateway.ts'
import { encodeRequestHead, encodeResponseHead } from '../../../src/mcp/exchange/head.ts'
import type { OutgoingContext, VerifiedContext } from '../../../src/session/api.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { type PairOptions, type SessionEnd, sessionPair } from '../../fakes/sessionPair.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const EMPTY = new Uint8Array()
const POST = { method: 'POST', headers: [], body: bytes('{"jsonrpc":"2.0","id":7,"method":"x"}') } as const
const OK = encodeResponseHead({ status: 200, headers: [] })

async function collect(response: TunnelResponse): Promise<string[]> {
  if (response.kind === 'body') throw new Error('a stream was expected')
  const events: string[] = []
  for await (const event of response.events) events.push(Buffer.from(event).toString())
  return events
}

function both(handler: ExchangeHandler, options: PairOptions = {}) {
  const pair = sessionPair(options)
  return {
    ...pair,
    server: pair.server,
    gateway: new ExchangeServer(pair.server, handler),
    exchanges: new ExchangeClient(pair.client),
  }
}

/** An exchange client whose gateway is the test, context by context. */
function byHand() {
  const { client, server } = sessionPair()
  const exchanges = new ExchangeClient(client)
  const received: VerifiedContext[] = []
  server.receive((context) => void received.push(context))
  const open = async () => {
    const response = exchanges.open('s', POST)
    response.catch(() => {})
    await expect.poll(() => received.length).toBe(1)
    const [request] = received
    const answer = (context: Partial<OutgoingContext> & Pick<OutgoingContext, 'kind'>) => {
      const exchange = request?.statement.exchange ?? -1
      return server.send({ server: 's', exchange, head: EMPTY, body: EMPTY, req: request?.digest ?? '', ...context })
    }
    return { response, answer }
  }
  return { client, server, exchanges, received, open }
}

describe('an exchange', () => {
  it('has one request, one response and one end, which share a signature', async () => {
    const { client, server, exchanges } = both((request, respond) => {
      respond.body(201, [['mcp-x', 'a']], bytes(`${request.method} ${request.server} ${request.body.length}`))
    })
    const response = await exchanges.open('s', POST)
    expect(response).toEqual({ kind: 'body', status: 201, headers: [['mcp-x', 'a']], body: bytes('POST s 37') })
    await expect.poll(() => server.sent.map(({ kind }) => kind)).toEqual(['response', 'end'])
    expect(server.batches).toBe(1)
    expect(client.sent.map(({ kind }) => kind)).toEqual(['request'])
    expect(new Set(server.sent.map(({ req }) => req)).size).toBe(1)
  })

  it('streams events in order, at the pace of the reader', async () => {
    let written = 0
    const event = bytes(`data: ${'x'.repeat(100_000)}\n\n`)
    const { exchanges } = both(async (_, respond) => {
      respond.head(200, [['content-type', 'text/event-stream']])
      for (; written < 100; written += 1) await respond.event(event)
      respond.end()
    })
    const response = await exchanges.open('s', POST)
    if (response.kind !== 'stream') throw new Error('a stream was expected')
    const iterator = response.events[Symbol.asyncIterator]()
    await iterator.next()
    await new Promise((resolve) => setTimeout(resolve, 100))
    // A credit of 1 MiB, a window of 256 KiB, and what fills them up.
    expect(written).toBeLessThan(20)
    let events = 1
    while ((await iterator.next()).done !== true) events += 1
    expect(events).toBe(100)
  })

  it('does not wait for another whose reader sleeps', async () => {
    const { exchanges } = both(async (request, respond) => {
      if (request.body.length > 37) return respond.body(200, [], EMPTY)
      respond.head(200, [])
      for (let index = 0; index < 50; index += 1) await respond.event(bytes(`data: ${'x'.repeat(100_000)}\n\n`))
      respond.end()
    })
    const slow = await exchanges.open('s', POST)
    expect(slow.kind).toBe('stream')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const quick = await exchanges.open('s', { ...POST, body: bytes('{"jsonrpc":"2.0","id":"quick","method":"x"}') })
    expect(quick.kind).toBe('body')
  })

  it('is refused before anything is sent when its head or its headers are wrong', async () => {
    const { client, exchanges } = both(() => {})
    await expect(exchanges.open('s', { ...POST, headers: [['cookie', 'a']] })).rejects.toMatchObject({
      code: 'context-refused',
    })
    await expect(exchanges.open('s', { ...POST, headers: [['mcp-method', 'y']] })).rejects.toMatchObject({
      code: 'header-mismatch',
    })
    expect(client.sent).toEqual([])
  })

  it('gets the error of a handler that throws, as an answer with its id', async () => {
    const { exchanges } = both(() => Promise.reject(new CountersignError('server-gone', 'It is gone.')))
    const response = await exchanges.open('s', POST)
    expect(response).toMatchObject({ kind: 'body', status: 200 })
    const body = response.kind === 'body' ? Buffer.from(response.body).toString() : ''
    expect(JSON.parse(body)).toMatchObject({ id: 7, error: { code: 1042, data: { code: 'server-gone' } } })
  })

  it('gets an answer even from a handler that forgets it', async () => {
    const { exchanges } = both(() => {})
    expect(await exchanges.open('s', POST)).toMatchObject({ status: 200, kind: 'body' })
  })
})

describe('cancelling', () => {
  it('leaves no trace before the batch closes', async () => {
    const { client, exchanges } = both(() => {}, { latency: 50 })
    const first = exchanges.open('s', POST)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const abort = new AbortController()
    const second = exchanges.open('s', POST, abort.signal)
    abort.abort()
    await expect(second).rejects.toMatchObject({ code: 'cancelled' })
    await first
    expect(client.sent).toHaveLength(1)
  })

  it('is a statement after it, aborts the handler, and gets one end', async () => {
    const aborted = vi.fn()
    const { client, server, exchanges } = both(
      (request, respond) =>
        new Promise((resolve) => {
          request.signal.addEventListener('abort', () => {
            aborted()
            respond.body(200, [], EMPTY)
            resolve()
          })
        }),
    )
    const abort = new AbortController()
    const call = exchanges.open('s', POST, abort.signal)
    await expect.poll(() => client.sent.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    await expect.poll(() => server.sent.map(({ kind, end }) => [kind, end?.reason])).toEqual([['end', 'cancelled']])
    expect(client.sent.map(({ kind }) => kind)).toEqual(['request', 'cancel'])
    expect(aborted).toHaveBeenCalledOnce()
  })

  it('happens when the reader leaves the stream, and what was under way is dropped in peace', async () => {
    let said: Responder | undefined
    const { client, server, exchanges } = both(async (_, respond) => {
      said = respond
      respond.head(200, [])
      while (!respond.done) await respond.event(bytes(`data: ${'x'.repeat(1000)}\n\n`))
    })
    const response = await exchanges.open('s', POST)
    if (response.kind !== 'stream') throw new Error('a stream was expected')
    for await (const event of response.events) if (event.length > 0) break
    await expect.poll(() => server.sent.at(-1)?.kind).toBe('end')
    expect(said?.done).toBe(true)
    expect(client.sent.map(({ kind }) => kind)).toEqual(['request', 'cancel'])
    await expect(Promise.race([client.closed, Promise.resolve('open')])).resolves.toBe('open')
  })

  it('leaves no listener behind when the exchange is over', async () => {
    const { exchanges, server } = both((request, respond) => {
      if (request.method === 'POST') return respond.body(200, [], EMPTY)
      respond.head(200, [])
      respond.end()
    })
    const abort = new AbortController()
    const removed = vi.spyOn(abort.signal, 'removeEventListener')
    await exchanges.open('s', POST, abort.signal)
    const stream = await exchanges.open('s', { ...POST, method: 'GET', body: EMPTY }, abort.signal)
    expect(await collect(stream)).toEqual([])
    await expect.poll(() => server.sent.filter(({ kind }) => kind === 'end').length).toBe(2)
    await expect.poll(() => removed.mock.calls.length).toBe(2)
  })

  it('costs nothing when the answer is there', async () => {
    const { client, exchanges } = both((_, respond) => respond.body(200, [], EMPTY))
    const abort = new AbortController()
    await exchanges.open('s', POST, abort.signal)
    abort.abort()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(client.sent.map(({ kind }) => kind)).toEqual(['request'])
  })
})

describe('the end of the session', () => {
  it('leaves calls that were sent with an unknown outcome, and streams too', async () => {
    const { client, exchanges } = both((request, respond) => {
      if (request.body.length > 37) respond.head(200, [])
      return new Promise(() => {})
    })
    const call = exchanges.open('s', POST)
    const stream = await exchanges.open('s', { ...POST, body: bytes('{"jsonrpc":"2.0","id":"long","method":"x"}') })
    client.fail(new CountersignError('gateway-unreachable', 'The network is gone.'))
    await expect(call).rejects.toMatchObject({ code: 'outcome-unknown' })
    await expect(collect(stream)).rejects.toMatchObject({ code: 'outcome-unknown' })
    await expect(exchanges.open('s', POST)).rejects.toMatchObject({ code: 'gateway-unreachable' })
  })

  it('aborts what the gateway is doing', async () => {
    const signals: AbortSignal[] = []
    const { client, exchanges } = both((request) => {
      signals.push(request.signal)
      return new Promise(() => {})
    })
    exchanges.open('s', POST).catch(() => {})
    await expect.poll(() => signals.length).toBe(1)
    await client.close()
    await expect.poll(() => signals[0]?.aborted).toBe(true)
  })

  it('is what a client sees of a gateway that can sign no more', async () => {
    const { server, exchanges } = both((_, respond) => respond.body(200, [], EMPTY))
    server.broken = new CountersignError('signer-unavailable', 'The token was pulled out.')
    await expect(exchanges.open('s', POST)).rejects.toMatchObject({ code: 'outcome-unknown' })
  })

  it('is not needed when the signer fails once: the call is answered by an error', async () => {
    const { server, exchanges } = both((_, respond) => respond.body(200, [], EMPTY), { latency: 5 })
    server.failNext = new CountersignError('signer-unavailable', 'The token was busy, so nothing was sent.')
    const response = await exchanges.open('s', POST)
    expect(server.batches).toBe(2)
    const body = Buffer.from(response.kind === 'body' ? response.body : []).toString()
    expect(body).toContain('outcome-unknown')
    // The server has carried it out: who is told that nothing was sent sends it again.
    expect(body).not.toContain('nothing was sent')
  })
})

describe('a gateway that breaks the order', () => {
  const wrong: [string, (answer: Awaited<ReturnType<ReturnType<typeof byHand>['open']>>['answer']) => unknown][] = [
    ['an event before a head', (answer) => answer({ kind: 'event', body: bytes('data: a\n\n') })],
    [
      'two responses',
      async (answer) => (await answer({ kind: 'response', head: OK }), answer({ kind: 'response', head: OK })),
    ],
    [
      'a head after a response',
      async (answer) => (await answer({ kind: 'response', head: OK }), answer({ kind: 'head', head: OK })),
    ],
    [
      'an event after a response',
      async (answer) => (await answer({ kind: 'response', head: OK }), answer({ kind: 'event' })),
    ],
    [
      'half an event',
      async (answer) => (
        await answer({ kind: 'head', head: OK }), answer({ kind: 'event', body: bytes('data: {"id"\n') })
      ),
    ],
    [
      'two events in one',
      async (answer) => (
        await answer({ kind: 'head', head: OK }), answer({ kind: 'event', body: bytes('data: a\n\ndata: b\n\n') })
      ),
    ],
    ['a head with a body', (answer) => answer({ kind: 'head', head: OK, body: bytes('x') })],
    ['a head that is none', (answer) => answer({ kind: 'head', head: encodeRequestHead(POST) })],
    ['an answer to another request', (answer) => answer({ kind: 'response', head: OK, req: 'other' })],
    ['an answer for another server', (answer) => answer({ kind: 'response', head: OK, server: 'other' })],
    ['an answer in no exchange', (answer) => answer({ kind: 'response', head: OK, exchange: 99 })],
    ['a request', (answer) => answer({ kind: 'request', head: encodeRequestHead(POST) })],
    [
      'a wrong count',
      async (answer) => (
        await answer({ kind: 'head', head: OK }), answer({ kind: 'end', end: { events: 1, reason: 'complete' } })
      ),
    ],
    [
      'an unknown reason',
      async (answer) => (
        await answer({ kind: 'head', head: OK }), answer({ kind: 'end', end: { events: 0, reason: 'tired' } })
      ),
    ],
    [
      'an end without its member',
      async (answer) => (await answer({ kind: 'head', head: OK }), answer({ kind: 'end' })),
    ],
    [
      'anything after the end',
      async (answer) => {
        await answer({ kind: 'response', head: OK })
        await answer({ kind: 'end', end: { events: 0, reason: 'complete' } })
        return answer({ kind: 'end', end: { events: 0, reason: 'complete' } })
      },
    ],
  ]

  it.each(wrong)('loses the session: %s', async (_, misbehave) => {
    const { client, open } = byHand()
    const { answer } = await open()
    void Promise.resolve(misbehave(answer)).catch(() => {})
    await expect(client.closed).resolves.toBeUndefined()
  })

  it('does not when its answer could not be sent: the end tells it', async () => {
    const { open } = byHand()
    const { response, answer } = await open()
    await answer({ kind: 'end', end: { events: 0, reason: 'complete' } })
    await expect(response).rejects.toMatchObject({ code: 'outcome-unknown' })
  })
})

describe('a client that breaks the order', () => {
  const request = (exchange: number, head = encodeRequestHead(POST)): OutgoingContext => {
    return { kind: 'request', server: 's', exchange, head, body: POST.body }
  }
  const wrong: [string, (client: SessionEnd) => unknown][] = [
    ['an exchange twice', (client) => [client.send(request(1)), client.send(request(1))]],
    ['a cancellation of nothing', (client) => client.send({ ...request(5), kind: 'cancel', head: EMPTY, body: EMPTY })],
    [
      'a cancellation with content',
      (client) => [client.send(request(1)), client.send({ ...request(1), kind: 'cancel', head: EMPTY })],
    ],
    ['a number far behind', (client) => [client.send(request(100_000)), client.send(request(1))]],
    ['a head that is none', (client) => client.send(request(1, OK))],
    ['an answer', (client) => client.send({ ...request(1), kind: 'response' })],
  ]

  it.each(wrong)('loses the session: %s', async (_, misbehave) => {
    const { client, server } = sessionPair()
    const handled = vi.fn<ExchangeHandler>(() => new Promise(() => {}))
    const gateway = new ExchangeServer(server, handled)
    await Promise.allSettled([misbehave(client)].flat())
    await expect(server.closed).resolves.toBeUndefined()
    expect(gateway).toBeDefined()
    expect(handled.mock.calls.length).toBeLessThan(2)
  })

  it('does not when requests come in another order than they were numbered', async () => {
    const { client, server } = sessionPair()
    const seen: number[] = []
    const gateway = new ExchangeServer(server, ({ exchange }, respond) => {
      seen.push(exchange)
      respond.body(200, [], EMPTY)
    })
    await Promise.all([client.send(request(3)), client.send(request(1)), client.send(request(2))])
    await expect.poll(() => seen).toEqual([3, 1, 2])
    expect(gateway).toBeDefined()
  })
})
