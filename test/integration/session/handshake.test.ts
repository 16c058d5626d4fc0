import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import type { Session } from '../../../src/session/api.ts'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { spawnCarrier } from '../../../src/session/carrier/spawn.ts'
import { StreamCarrier } from '../../../src/session/carrier/stdio.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'
import { GatewayListener } from '../../../src/session/gateway.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { accept, connect, Party } from '../../fakes/party.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const REQUEST = text('{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"echo"}}')
const ANSWER = text('{"jsonrpc":"2.0","id":"a-1","result":{}}')
const NONE = new Uint8Array(0)

interface Ends {
  readonly client: Carrier
  readonly gateway: Carrier
  readonly dispose: () => Promise<void>
}

const CARRIERS: Readonly<Record<string, () => Promise<Ends>>> = {
  memory: async () => {
    const [client, gateway] = MemoryCarrier.pair()
    return { client, gateway, dispose: async () => {} }
  },
  webSocket: async () => {
    let arrived: (carrier: Carrier) => void = () => {}
    const gateway = new Promise<Carrier>((resolve) => {
      arrived = resolve
    })
    const listening = await listenWebSocket({ url: 'ws://127.0.0.1:0', onCarrier: (carrier) => arrived(carrier) })
    const client = await connectWebSocket(listening.url)
    return { client, gateway: await gateway, dispose: () => listening.close() }
  },
  stdio: async () => {
    const [there, back] = [new PassThrough(), new PassThrough()]
    const client = new StreamCarrier(back, there, 'stdio', true)
    const gateway = new StreamCarrier(there, back, 'stdio', true)
    return { client, gateway, dispose: async () => {} }
  },
}

/** Answers every request with one response and the end of its exchange. */
function serve(session: Session): void {
  session.receive(async ({ statement: { server, exchange, kind }, digest: req }) => {
    if (kind !== 'request') return
    await session.send({ kind: 'response', server, exchange, head: text('head'), body: ANSWER, req })
    const end = { events: 0, reason: 'complete' }
    await session.send({ kind: 'end', server, exchange, head: NONE, body: NONE, req, end })
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

for (const [name, open] of Object.entries(CARRIERS)) {
  for (const suite of DEFAULT_SUITES) {
    it(`carries a call over ${name} in ${suite}`, async () => {
      const ends = await open()
      const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
      const opening = connect(editor, ends.client, { suites: [suite] })
      const [client, gateway] = await Promise.all([opening, accept(host, ends.gateway)])
      expect(client.suite).toBe(suite)
      expect(client.sid).toBe(gateway.sid)
      expect([client.peer.kid, gateway.peer.kid]).toEqual([host.signer.kid, editor.signer.kid])
      expect([client.peer.name, gateway.peer.name]).toEqual(['host', 'editor'])

      serve(gateway)
      editor.keep(client)
      const exchange = client.nextExchange()
      const { digest } = await client.send({ kind: 'request', server: 'files', exchange, head: NONE, body: REQUEST })
      await until(() => editor.received.length === 2)
      const [response, end] = editor.received
      expect(response?.body).toEqual(ANSWER)
      expect(response?.statement).toMatchObject({ kind: 'response', id: '"a-1"', req: digest, exchange, dir: 's2c' })
      expect(end?.statement.end).toEqual({ events: 0, reason: 'complete' })

      await client.close()
      expect(await client.closed).toBeUndefined()
      expect(await gateway.closed).toBeUndefined()
      const kinds = (party: Party): string[] =>
        party.journal.map(
          ({ how, statement }) => `${how} ${/"kind":"(\w+)"/.exec(Buffer.from(statement).toString())?.[1]}`,
        )
      expect(kinds(editor).toSorted()).toEqual([
        'received close',
        'received end',
        'received response',
        'sent close',
        'sent request',
      ])
      expect(kinds(host)).toHaveLength(5)
      await ends.dispose()
    })
  }
}

it('reports the same handshake to both ends, step by step', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [left, right] = MemoryCarrier.pair()
  await Promise.all([connect(editor, left), accept(host, right)])
  await until(() => editor.reports.length + host.reports.length === 2)
  const [ours, theirs] = [editor.reports[0], host.reports[0]]
  expect(ours?.transcript).toBe(theirs?.transcript)
  expect([ours?.conn, ours?.sid]).toEqual([theirs?.conn, theirs?.sid])
  const names = ours?.steps.map(({ name }) => name)
  expect(names).toEqual(['ClientHello', 'ServerHello', 'verify', 'sign', 'ClientAuth', 'Ready'])
  const sent = [...left.sent, right.sent[0], right.sent[1]].reduce((sum, frame) => sum + (frame?.length ?? 0), 0)
  expect(sent).toBeGreaterThan(20_000)
  expect(ours?.bytes).toBeGreaterThan(20_000)
})

it('gives every client identity element the same length', async () => {
  const lengths: number[] = []
  for (const name of ['a', 'a very much longer name of an editor on a machine']) {
    const [editor, host] = [await Party.create(1, name), await Party.create(2, 'host')]
    const [left, right] = MemoryCarrier.pair()
    await Promise.all([connect(editor, left), accept(host, right)])
    lengths.push(left.sent[1]?.length ?? 0)
  }
  expect(lengths[0]).toBe(lengths[1])
})

it('refuses browsers, other subprotocols and addresses beyond loopback', async () => {
  const { WebSocket } = await import('ws')
  const listening = await listenWebSocket({ url: 'ws://127.0.0.1:0', onCarrier: () => expect.unreachable() })
  const status = (protocols: string[], headers: Record<string, string>): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(listening.url, protocols, { headers })
      socket.on('error', (error) => resolve(error.message))
    })
  expect(await status(['countersign.v1'], { origin: 'https://example.org' })).toContain('403')
  expect(await status(['other'], {})).toContain('400')
  expect(await status([], {})).toContain('400')
  await listening.close()
  const network = listenWebSocket({ url: 'ws://0.0.0.0:0', onCarrier: () => {} })
  await expect(network).rejects.toMatchObject({ code: 'config-invalid' })
  await expect(connectWebSocket('ws://127.0.0.1:9')).rejects.toMatchObject({ code: 'gateway-unreachable' })
  await expect(connectWebSocket('http://127.0.0.1:9')).rejects.toMatchObject({ code: 'config-invalid' })
})

it('listens, serves several clients, and closes them in order', async () => {
  const host = await Party.create(9, 'host')
  const sessions: Session[] = []
  const gateway = await GatewayListener.listen({
    ...host.ports,
    suites: DEFAULT_SUITES,
    clients: { checkClient: async () => 'accept' },
    listen: 'ws://127.0.0.1:0',
    onSession: (session) => sessions.push(session),
  })
  const clients = await Promise.all(
    [1, 2, 3].map(async (seed) =>
      connect(await Party.create(seed, `editor ${seed}`), await connectWebSocket(gateway.url)),
    ),
  )
  await until(() => sessions.length === 3)
  await gateway.close()
  expect(await Promise.all(clients.map((client) => client.closed))).toEqual([undefined, undefined, undefined])
})

it('speaks frames with a command, which gets no variable that was not named', async () => {
  process.env['COUNTERSIGN_PLANTED'] = 'secret'
  const echo = await spawnCarrier({ command: 'cat', args: [] })
  const frames: Uint8Array[] = []
  echo.onFrame((frame) => frames.push(frame))
  await echo.send(Uint8Array.of(1, 2, 3))
  await echo.send(new Uint8Array(100_000))
  await until(() => frames.length === 2)
  expect(frames[0]).toEqual(Uint8Array.of(1, 2, 3))
  await echo.close()

  let output = ''
  const env = await spawnCarrier({
    command: 'sh',
    args: ['-c', 'env >&2'],
    env: { NAMED: 'yes' },
    onStderr: (chunk) => (output += chunk.toString()),
  })
  env.onFrame(() => {})
  await env.closed
  await until(() => output.includes('NAMED=yes'))
  expect(output).not.toContain('COUNTERSIGN_PLANTED')
  delete process.env['COUNTERSIGN_PLANTED']
  await expect(spawnCarrier({ command: '/nonexistent', args: [] })).rejects.toMatchObject({
    code: 'gateway-unreachable',
  })
})
