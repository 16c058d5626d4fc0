import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import type { ExchangeRequest, Responder } from '../../../src/mcp/exchange/gateway.ts'
import { HttpUpstream } from '../../../src/mcp/upstream/http.ts'
import { SessionIds } from '../../../src/mcp/upstream/sessionIds.ts'
import { Pressure, StdioStream } from '../../../src/mcp/upstream/stdioCall.ts'

/** A client that takes nothing. */
class Asleep implements Responder {
  events = 0
  readonly done = false
  head(): void {}
  body(): void {}
  end(): void {}
  event(): Promise<void> {
    this.events += 1
    return new Promise(() => {})
  }
}

it('a stdio server that writes many short messages is held back like one that writes long ones', () => {
  const valve = { paused: false, pause: () => void (valve.paused = true), resume: () => void (valve.paused = false) }
  const stream = new StdioStream(new Asleep(), new Pressure(valve), [], false)
  const line = Buffer.from('{"method":"a"}')
  let messages = 0
  for (; messages < 100_000 && !valve.paused; messages += 1) stream.message(line)
  expect(messages).toBeLessThan(5_000)
})

it('an HTTP server that sends many short events in one read has them taken one by one', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data:a\n\n'.repeat(5_000))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on TCP has no other address
  const { port } = server.address() as AddressInfo
  const upstream = new HttpUpstream('s', { url: `http://127.0.0.1:${port}/` }, new SessionIds())
  const abort = new AbortController()
  const nothing = new Uint8Array(0)
  const peer = { kid: 'k', name: 'n', custody: 'software', algorithm: 'ML-DSA-87', publicKey: nothing } as const
  const request: ExchangeRequest = {
    method: 'GET',
    headers: [],
    body: nothing,
    peer,
    signal: abort.signal,
    server: 's',
    exchange: 1,
    sid: 'x',
  }
  const asleep = new Asleep()
  const handled = upstream.handle(request, asleep).catch(() => {})
  await expect.poll(() => asleep.events).toBeGreaterThan(0)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(asleep.events).toBe(1)
  abort.abort()
  await handled
  upstream.close()
  server.closeAllConnections()
  server.close()
})
