import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder } from '../fakes/chainFolder.ts'
import { endAll } from '../fakes/chainProcess.ts'
import { buildChain } from '../integration/chain/build.ts'
import { Told } from './cbor.ts'
import { type HandshakeOptions, OwnKey } from './handshake.ts'
import { type Exchange, Initiator } from './initiator.ts'
import { ALL_SUITES } from './primitives.ts'

// A second client, written from docs/PROTOCOL.md and nothing else, against the gateway as it ships: what both understand is in
// the text. A change of the protocol that the text does not have fails here.

const own = new OwnKey()
const suites = ALL_SUITES.slice(0, 1)
let folder: ChainFolder
let gateway: { url: string; kid: string }
let identity: Record<string, unknown>

const config = (): Record<string, unknown> => ({
  identity,
  clients: [{ kid: own.kid, name: 'a stranger' }],
  servers: { big: { command: process.execPath, args: [BIG_SERVER] } },
})

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  identity = (await folder.vaultIdentity('gateway')).config
  gateway = await folder.gateway('gateway', config())
})

afterAll(async () => {
  await endAll()
  folder.remove()
})

const connect = (options: Partial<HandshakeOptions> = {}, key = own): Promise<Initiator> =>
  Initiator.connect(gateway.url, key, { suites, pin: gateway.kid, ...options })

/** One MCP session in a session of ours. */
class Agent {
  readonly client: Initiator
  private headers: [string, string][] = []
  private id = 0

  constructor(client: Initiator) {
    this.client = client
  }

  static async on(client: Initiator): Promise<Agent> {
    const agent = new Agent(client)
    const protocolVersion = '2025-11-25'
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'a stranger', version: '1' } }
    const { headers, status } = await client.call('big', { jsonrpc: '2.0', id: 'hello', method: 'initialize', params })
    expect(status).toBe(200)
    agent.headers = [
      ['mcp-session-id', headers.get('mcp-session-id') ?? ''],
      ['mcp-protocol-version', protocolVersion],
    ]
    await client.call('big', { jsonrpc: '2.0', method: 'notifications/initialized' }, agent.headers)
    return agent
  }

  /** Signs these calls with one signature, sends nothing. */
  sign(...calls: readonly [tool: string, input?: object][]): number[] {
    const messages = calls.map(([name, input = {}]) => {
      this.id += 1
      const params = { name, arguments: input, _meta: { progressToken: this.id } }
      return { jsonrpc: '2.0', id: this.id, method: 'tools/call', params }
    })
    return this.client.ask('big', messages, this.headers)
  }

  /** As `sign`, and sends it. */
  send(...calls: readonly [tool: string, input?: object][]): number[] {
    const from = this.client.signed.length
    const exchanges = this.sign(...calls)
    this.client.transmit(from)
    return exchanges
  }

  async call(tool: string, input: object = {}): Promise<string> {
    const [number = 0] = this.send([tool, input])
    return text(await this.client.ended(number))
  }
}

/** The text of a tool's answer: the last body. */
function text(exchange: Exchange): string {
  const { result } = JSON.parse(exchange.bodies.at(-1)?.replace(/^(?:.*\n)*?data: ?/, '') ?? '')
  return result.content[0].text
}

/** The code of the alert that the gateway sent; a refusal of our own is a failure of the test. */
async function alertOf(attempt: Promise<unknown>): Promise<number> {
  const error: unknown = await attempt.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  )
  if (error instanceof Told) return error.code
  throw error
}

const never = (client: Initiator): Promise<void> => client.until(() => false)

describe('an initiator from the text', () => {
  it.each(ALL_SUITES)('calls a tool and closes: %s', async (suite) => {
    const client = await connect({ suites: [suite] })
    const agent = await Agent.on(client)
    expect(await agent.call('count')).toBe('1')
    await client.ping()
    await client.close()
    expect(client.handshake.suite).toBe(suite)
  })

  it('meets a suite for ML-DSA-65 with a key of that size', async () => {
    const small = new OwnKey('ML-DSA-65')
    const [, , weakest] = ALL_SUITES
    // Proven, and only then unknown: its certificate verify held.
    expect(await alertOf(connect({ suites: weakest === undefined ? [] : [weakest] }, small))).toBe(42)
  })

  it('signs several calls with one signature, and takes bodies of many fragments', async () => {
    const agent = await Agent.on(await connect())
    const numbers = agent.send(['count'], ['big', { size: 3_000_000 }], ['count'])
    const answers = []
    for (const number of numbers) answers.push(text(await agent.client.ended(number)))
    expect(new Set([answers[0], answers[2]])).toEqual(new Set(['1', '2']))
    expect(answers[1]).toHaveLength(3_000_000)
    expect(new Set(agent.client.signed.slice(-3).map(({ jws }) => jws)).size).toBe(1)
    await agent.client.close()
  })

  it('rekeys while a call is under way, and calls in the new epoch', async () => {
    const agent = await Agent.on(await connect())
    await sleep(1_100)
    const [slow = 0] = agent.send(['slow', { ms: 500 }])
    agent.client.rekey()
    await agent.client.until(() => agent.client.records.epoch === 1)
    expect(agent.client.exchange(slow).end).toBeUndefined()
    expect(text(await agent.client.ended(slow))).toBe('slept')
    expect(await agent.call('count')).toBe('1')
    await sleep(1_100)
    agent.client.rekey()
    await agent.client.until(() => agent.client.records.epoch === 2)
    expect(await agent.call('count')).toBe('2')
    await agent.client.close()
  })
})

describe('the legs behind the gateway', () => {
  it('are told to who offers to hear them, and to nobody else', async () => {
    const hears = await connect({ legs: true })
    await hears.until(() => hears.legs !== undefined)
    expect(hears.legs).toEqual([['big', 'pipe', false]])
    await hears.close()
    const older = await Agent.on(await connect())
    expect(await older.call('count')).toBe('1')
    expect(older.client.handshake.legs).toBe(false)
    await older.client.close()
  })

  it.each([
    ['critical', [['legs', true, Buffer.alloc(0)]]],
    ['with data', [['legs', false, Buffer.alloc(1)]]],
  ])('are not told to who offers that %s', async (_, extensions) => {
    expect(await alertOf(connect({ m1: { extensions } }))).toBe(21)
  })
})

describe('a connection that is lost', () => {
  it('in the middle of a stream: the rest comes on the next one, each event once', async () => {
    const { client, number } = await streaming()
    // Nobody reads: what the gateway sends now is lost on the way. Then there is no way, and it waits.
    await sleep(700)
    client.cut()
    await sleep(500)
    expect(await client.resume()).toBe(true)
    const { kinds, bodies, end } = await client.ended(number)
    expect(client.repeated).toBeGreaterThan(0)
    expect(kinds).toEqual(['head', 'event', 'event', 'event', 'event', 'event', 'end'])
    expect(bodies.slice(0, 4).map((body) => /"progress":(\d)/.exec(body)?.[1])).toEqual(['1', '2', '3', '4'])
    expect(text(client.exchange(number))).toBe('slept')
    expect(end).toEqual({ events: 5, reason: 'complete' })
    await client.close()
  })

  it('before and behind what was signed: a request is executed once, wherever it was', async () => {
    const agent = await Agent.on(await connect())
    const [sent = 0] = agent.send(['count'])
    agent.client.cut()
    const [unsent = 0] = agent.sign(['count'])
    expect(await agent.client.resume()).toBe(true)
    for (const number of [sent, unsent]) {
      expect((await agent.client.ended(number)).kinds.filter((kind) => kind === 'end')).toHaveLength(1)
    }
    expect(await agent.call('count', { read: true })).toMatch(/^2 /)
    await agent.client.close()
  })

  it('in a body, and behind one that nobody read: it comes whole, and costs its exchange no second credit', async () => {
    const agent = await Agent.on(await connect())
    const [half = 0] = agent.send(['big', { size: 3_000_000 }])
    await agent.client.until(() => agent.client.arrived > 0)
    agent.client.cut()
    expect(await agent.client.resume()).toBe(true)
    expect(text(await agent.client.ended(half))).toHaveLength(3_000_000)
    const [unread = 0] = agent.send(['big', { size: 1_000_000 }])
    await sleep(1_000)
    agent.client.cut()
    expect(await agent.client.resume()).toBe(true)
    expect(text(await agent.client.ended(unread))).toHaveLength(1_000_000)
    expect(agent.client.repeated).toBeGreaterThan(0)
    await agent.client.close()
  })

  it('between RekeyDone and EpochStart: two binders; the new connection rekeys anew', async () => {
    const agent = await Agent.on(await connect())
    await sleep(1_100)
    agent.client.rekey()
    await agent.client.until(() => agent.client.records.res.size === 2)
    agent.client.cut()
    expect(await agent.client.resume()).toBe(true)
    await sleep(1_100)
    agent.client.rekey()
    await agent.client.until(() => agent.client.records.epoch === 1)
    expect(await agent.call('count')).toBe('1')
    agent.client.cut()
    expect(await agent.client.resume()).toBe(true)
    expect(await agent.call('count')).toBe('2')
    await agent.client.close()
  })

  it('is not resumed with another binder, nor with an attempt that was used, and that changes nothing', async () => {
    const { client, number } = await streaming()
    expect(await client.resume({ binder: Buffer.alloc(48, 7) })).toBe(false)
    // Nor fenced: the first connection still carries the stream.
    expect((await client.ended(number)).end).toEqual({ events: 5, reason: 'complete' })
    client.cut()
    expect(await client.resume()).toBe(true)
    client.cut()
    expect(await client.resume({ attempt: 2 })).toBe(false)
    expect(await client.resume()).toBe(true)
    await client.close()
    expect(await client.resume()).toBe(false)
  })

  /** A call with four notes of progress and an answer, up to the first note. */
  async function streaming(): Promise<{ client: Initiator; number: number }> {
    const agent = await Agent.on(await connect())
    const [number = 0] = agent.send(['slow', { ms: 1_600, steps: 4 }])
    await agent.client.until(() => agent.client.exchange(number).bodies.length > 0)
    return { client: agent.client, number }
  }
})

describe('what the text refuses', () => {
  const long = Buffer.alloc(33, 1)
  it.each([
    ['another version', { versions: [2] }, 70],
    ['a suite that nobody has', { suites: ['MLKEM512_X25519_MLDSA44_AES256GCM_SHA384'] }, 40],
    ['a version twice', { versions: [1, 1] }, 21],
    ['a share of another length', { share: long }, 21],
    ['the extension of CI in M1', { extensions: [['resume', true, long]] }, 43],
    ['a member that the text does not have', { more: null }, 21],
  ])('in M1: %s', async (_, m1, code) => {
    expect(await alertOf(connect({ m1 }))).toBe(code)
  })

  it('in ClientAuth: a pad that is not zero, a key that is not enrolled', async () => {
    const ci = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, 100), Buffer.of(1), bytes.subarray(101)])
    expect(await alertOf(connect({ ci }))).toBe(21)
    expect(await alertOf(connect({}, new OwnKey()))).toBe(42)
  })

  it.each([
    ['a sequence that was used', { seq: 0 }, 111],
    ['a gap', { seq: 9 }, 110],
    ['another clock', { ts: Date.now() - 200_000 }, 112],
    ['another chain', { prev: 'A'.repeat(64) }, 110],
    ['another session', { sid: 'A'.repeat(64) }, 110],
    ['another audience', { aud: own.kid }, 110],
    ['another id than the body has', { id: '8' }, 110],
    ['another context', { ctx: { alg: 'sha-384', digest: 'A'.repeat(64), length: 1 } }, 110],
  ])('in a statement: %s', async (_, lie, code) => {
    const client = await connect()
    client.ask('big', [{ jsonrpc: '2.0', id: 7, method: 'ping' }])
    client.transmit(0)
    await client.until(() => client.exchange(1).end !== undefined)
    client.ask('big', [{ jsonrpc: '2.0', id: 7, method: 'ping' }], [], lie)
    client.transmit(1)
    expect(await alertOf(never(client))).toBe(code)
  })

  it.each([
    ['no JSON', 'hello'],
    ['a member twice', '{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}'],
    ['a name of JSON-RPC in another case', '{"jsonrpc":"2.0","id":7,"Method":"ping"}'],
    ['a tool named twice', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}'],
  ])('in a request: %s', async (_, body) => {
    expect(await alertOf((await connect()).call('big', body))).toBe(110)
  })

  it('in a head: a header outside the list closes the session, signed', async () => {
    expect(await alertOf((await connect()).call('big', 'true', [['authorization', 'Bearer x']]))).toBe(0)
  })

  it('a rekey in the first second, and one that is signed under the label of the handshake', async () => {
    const early = await connect()
    early.rekey()
    expect(await alertOf(never(early))).toBe(115)
    const liar = await connect()
    await sleep(1_100)
    liar.rekey({ label: 'countersign/1 client CertificateVerify' })
    expect(await alertOf(never(liar))).toBe(51)
  })
})

// "Retry" is in the text or it is not; where it is, this initiator has built it.
describe('a gateway that wants another suite', () => {
  it('says Retry, and the second ClientHello is taken', async () => {
    const [first, second] = ALL_SUITES
    const other = await folder.gateway('other', { ...config(), suites: [second] })
    const client = await Initiator.connect(other.url, own, { suites: ALL_SUITES, pin: other.kid })
    expect(client.handshake).toMatchObject({ suite: second, retried: true })
    expect(client.handshake.suite).not.toBe(first)
    const agent = await Agent.on(client)
    expect(await agent.call('count')).toBe('1')
    await client.close()
  })
})
