import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import { encodeRequestHead, encodeResponseHead, type Header } from '../../../src/mcp/exchange/head.ts'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { type Listening, listenWebSocket } from '../../../src/session/carrier/webSocketServer.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import {
  type BatchEntry,
  encodeAck,
  encodeBatch,
  encodeFragment,
  encodePing,
  encodeReady,
  encodeWindows,
} from '../../../src/session/contexts/messages.ts'
import { silentLog } from '../../../src/support/log.ts'
import { type Bridged, BIG_SERVER, ChainFolder, type Identity } from '../../fakes/chainFolder.ts'
import {
  type Asked,
  digestOf,
  type Draft,
  handshakeWith,
  KeyedPeer,
  LooseKey,
  type Members,
} from '../../fakes/chainPeer.ts'
import { bounded, type ChainProcess, endAll } from '../../fakes/chainProcess.ts'
import { ChainRelay } from '../../fakes/chainRelay.ts'
import { startHttp, textOf } from '../../fakes/mcpChain.ts'
import { buildChain } from './build.ts'

/**
 * Ends that hold valid keys and break one rule: a client against the real `gateway`, and a gateway against the real
 * `connect`. Nothing of what they say may be acted on, and each is told the alert that docs/PROTOCOL.md has for it.
 */
const NONE = new Uint8Array(0)
const other48 = (): string => encodeBase64url(randomBytes(48))

let folder: ChainFolder
let stop = async (): Promise<void> => {}
let host: Identity
let client: Identity
let gateway: { process: ChainProcess; url: string }
let direct: Client
/** A client on the gateway's list, another one on it, and one that is not. */
let listed: LooseKey
let second: LooseKey
let stranger: LooseKey

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  const big = await startHttp([BIG_SERVER, 'http'])
  stop = big.stop
  listed = await LooseKey.create(41)
  second = await LooseKey.create(42)
  stranger = await LooseKey.create(43)
  ;[host, client] = await Promise.all([folder.vaultIdentity('gateway'), folder.vaultIdentity('client')])
  const clients = [listed.kid, second.kid, client.kid, host.kid].map((kid, at) => ({ kid, name: `client ${at}` }))
  const servers = { big: { url: big.url } }
  gateway = await folder.gateway('g', { identity: host.config, clients, servers })
  direct = new Client({ name: 'direct', version: '1' })
  await direct.connect(new StreamableHTTPClientTransport(new URL(big.url)))
})

afterAll(async () => {
  await endAll()
  await direct.close()
  await stop()
  folder.remove()
})

let counted = 0
async function executions(): Promise<number> {
  const [seen = ''] = textOf(await direct.callTool({ name: 'count', arguments: { read: true } })).split(' ')
  const found = Number(seen) - counted
  counted = Number(seen) + 1
  return found
}

describe('a client with a key that the gateway knows', () => {
  const CALL = encodeUtf8('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"count","arguments":{}}}')
  let head: Uint8Array
  let from = 0

  /** The MCP session that all of them use: it is bound to the kid and outlives a countersign session. */
  beforeAll(async () => {
    const peer = await KeyedPeer.connect(gateway.url, listed)
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'evil', version: '1' } }
    const body = encodeUtf8(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }))
    await peer.say([{ kind: 'request', server: 'big', exchange: 1, head: requestHead([]), body }])
    await bounded(peer.until(RECORD.Batch), 20_000, 'the answer')
    const session = /mcp-session-id.{0,3}?([0-9a-f-]{36})/.exec(
      peer.records.map(({ payload }) => Buffer.from(payload).toString('latin1')).join(''),
    )?.[1]
    head = requestHead([['mcp-session-id', session ?? '']])
    await peer.carrier.close()
    await executions()
  })

  function requestHead(more: readonly Header[]): Uint8Array {
    const headers: Header[] = [
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
    ]
    return encodeRequestHead({ method: 'POST', headers: [...headers, ...more] })
  }

  const draft = (changes: Members = {}, more: Partial<Draft> = {}): Draft => ({
    kind: 'request',
    server: 'big',
    exchange: 1,
    head,
    body: CALL,
    changes,
    ...more,
  })

  async function open(key = listed): Promise<KeyedPeer> {
    const peer = await KeyedPeer.connect(gateway.url, key)
    from = gateway.process.stderr.length
    return peer
  }

  /** The gateway ended the session with this alert, withheld what came, and the server never heard of it. */
  async function expectRefused(peer: KeyedPeer, alert: number, executed = 0): Promise<void> {
    expect(await peer.alert()).toBe(alert)
    await gateway.process.says(new RegExp(`was withheld alert=${alert} `), from)
    expect(await executions()).toBe(executed)
  }

  it('is served while it keeps the rules', async () => {
    const peer = await open()
    await peer.say([draft()])
    await bounded(peer.until(RECORD.Batch), 20_000, 'the answer')
    await peer.carrier.close()
    expect(await executions()).toBe(1)
  })

  const statements: readonly [string, number, () => Members][] = [
    ['of another session', 110, () => ({ sid: other48() })],
    ['for another gateway', 110, () => ({ aud: listed.kid })],
    ['for itself', 110, () => ({ aud: stranger.kid })],
    ['in the other direction', 110, () => ({ dir: 's2c', kind: 'response', req: other48() })],
    ['with a sequence too high', 110, () => ({ seq: 1 })],
    ['with another past', 110, () => ({ prev: other48() })],
    ['about another head', 110, () => ({ head: digestOf(NONE) })],
    ['about another context', 110, () => ({ ctx: { alg: 'sha-384', digest: digestOf(NONE), length: CALL.length } })],
    ['about another length', 110, () => ({ ctx: { alg: 'sha-384', digest: digestOf(CALL), length: CALL.length - 1 } })],
    ['that says another method', 110, () => ({ method: 'tools/list' })],
    ['that says no method', 110, () => ({ method: undefined })],
    ['that says another id', 110, () => ({ id: '8' })],
    ['that says the same id as text', 110, () => ({ id: '"7"' })],
    ['from three minutes ago', 112, () => ({ ts: Date.now() - 180_000 })],
    ['from the future', 112, () => ({ ts: Date.now() + 180_000 })],
    ['that acknowledges what was never sent', 110, () => ({ ack: { seq: 5, head: other48() } })],
    ['that acknowledges another past', 110, () => ({ ack: { seq: 0, head: other48() } })],
    ['that is the last and goes on', 110, () => ({ kind: 'close' })],
    ['of a kind that nobody knows', 110, () => ({ kind: 'notify' })],
    ['of another version', 110, () => ({ v: 2 })],
    ['with a member more', 110, () => ({ policy: 'allow' })],
    ['without its salt', 110, () => ({ salt: undefined })],
    ['about another exchange than its body', 110, () => ({ exchange: 2 })],
    ['of exchange 0', 110, () => ({ exchange: 0 })],
    ['of a server with a name that none can have', 110, () => ({ server: '../big' })],
  ]
  it.each(statements)('signs a statement %s: alert %i', async (_, alert, changes) => {
    const peer = await open()
    await peer.say([draft(changes())])
    await expectRefused(peer, alert)
  })

  type Batch = { jws: Uint8Array; entries: BatchEntry[] }
  const rewritten = (jws: Uint8Array, change: (members: Record<string, string>) => Members): Uint8Array => {
    const members: Record<string, string> = JSON.parse(Buffer.from(jws).toString())
    return encodeUtf8(JSON.stringify(change(members)))
  }
  const first = (batch: Batch, change: (entry: BatchEntry) => Partial<BatchEntry>): Batch => ({
    ...batch,
    entries: batch.entries.map((entry, at) => (at === 0 ? { ...entry, ...change(entry) } : entry)),
  })
  const batches: readonly [string, number, (batch: Batch) => { jws: Uint8Array; entries: readonly BatchEntry[] }][] = [
    ['a bit of a statement', 110, (batch) => first(batch, ({ statement }) => ({ statement: flip(statement, 300) }))],
    ['a bit of a proof', 110, (batch) => first(batch, ({ proof }) => ({ proof: proof.map((node) => flip(node, 7)) }))],
    ['a proof without its last node', 110, (batch) => first(batch, ({ proof }) => ({ proof: proof.slice(0, -1) }))],
    ['a proof with a node more', 110, (batch) => first(batch, ({ proof }) => ({ proof: [...proof, randomBytes(48)] }))],
    ['another leaf index', 110, (batch) => first(batch, () => ({ index: 1 }))],
    ['an index past the batch', 110, (batch) => first(batch, () => ({ index: 2 }))],
    ['another head than the one that was signed', 110, (batch) => first(batch, () => ({ head: flip(head, 12) }))],
    ['a body that never came', 110, (batch) => first(batch, () => ({ transfer: 99 }))],
    ['the order of its statements', 110, (batch) => ({ ...batch, entries: batch.entries.toReversed() })],
    [
      'a bit of the signature',
      51,
      ({ jws, entries }) => ({
        jws: rewritten(jws, (all) => ({
          ...all,
          signature: encodeBase64url(flip(Buffer.from(all['signature'] ?? '', 'base64url'), 2000)),
        })),
        entries,
      }),
    ],
    [
      'a signature that is cut off',
      51,
      ({ jws, entries }) => ({
        jws: rewritten(jws, (all) => ({
          ...all,
          signature: encodeBase64url(Buffer.from(all['signature'] ?? '', 'base64url').subarray(0, -3)),
        })),
        entries,
      }),
    ],
    [
      'a header beside the protected one',
      110,
      ({ jws, entries }) => ({ jws: rewritten(jws, (all) => ({ ...all, header: { kid: listed.kid } })), entries }),
    ],
    [
      'no signature',
      110,
      ({ jws, entries }) => ({
        jws: rewritten(jws, ({ protected: header, payload }) => ({ protected: header, payload })),
        entries,
      }),
    ],
    ['text that is no JWS', 110, ({ entries }) => ({ jws: encodeUtf8('{}'), entries })],
  ]
  it.each(batches)('changes %s after it signed: alert %i', async (_, alert, change) => {
    const peer = await open()
    await peer.say([draft(), draft({}, { exchange: 2 })], change)
    await expectRefused(peer, alert)
  })

  const headers: readonly [string, number, { header?: Members; payload?: Members }][] = [
    ['alg ML-DSA-65', 51, { header: { alg: 'ML-DSA-65' } }],
    ['alg none', 51, { header: { alg: 'none' } }],
    ['another kid', 51, { header: { kid: 'A'.repeat(43) } }],
    ['another typ', 110, { header: { typ: 'countersign-transition' } }],
    ['a key of its own', 110, { header: { jwk: { kty: 'AKP' } } }],
    ['crit', 110, { header: { crit: ['b64'], b64: false } }],
    ['a batch that is larger than it is', 110, { payload: { n: 2 } }],
    ['a batch that is larger than allowed', 110, { payload: { n: 65 } }],
    ['another hash', 110, { payload: { alg: 'sha-256' } }],
    ['another root', 110, { payload: { root: other48() } }],
    ['a custody that there is not', 110, { payload: { custody: 'certified' } }],
    ['a payload with a member more', 110, { payload: { aud: 'you' } }],
  ]
  it.each(headers)('signs a batch with %s: alert %i', async (_, alert, changes) => {
    const peer = await open()
    const transfer = await peer.body(1, CALL)
    const statement = peer.statement(draft())
    const entries = peer.entries([{ statement, transfer, head }])
    await peer.send(RECORD.Batch, encodeBatch({ jws: listed.jws([statement], changes), entries }))
    await expectRefused(peer, alert)
  })

  it('lets another client of the gateway sign: alert 51', async () => {
    const peer = await open()
    const transfer = await peer.body(1, CALL)
    const statement = peer.statement(draft())
    const entries = peer.entries([{ statement, transfer, head }])
    await peer.send(RECORD.Batch, encodeBatch({ jws: second.jws([statement]), entries }))
    await expectRefused(peer, 51)
  })

  it('sends a whole batch of its own earlier session: alert 110', async () => {
    const earlier = await open()
    await earlier.say([draft()])
    await bounded(earlier.until(RECORD.Batch), 20_000, 'the answer')
    await earlier.carrier.close()
    expect(await executions()).toBe(1)
    const [statement] = earlier.statements
    if (statement === undefined) throw new Error('nothing was said')
    const peer = await open()
    const transfer = await peer.body(1, CALL)
    const entries = peer.entries([{ statement, transfer, head }])
    await peer.send(RECORD.Batch, encodeBatch({ jws: listed.jws([statement]), entries }))
    await expectRefused(peer, 110)
  })

  it('says the same thing twice: alert 111, and it is carried out once', async () => {
    const peer = await open()
    await peer.say([draft()])
    await bounded(peer.until(RECORD.Batch), 20_000, 'the answer')
    const [statement] = peer.statements
    if (statement === undefined) throw new Error('nothing was said')
    const transfer = await peer.body(1, CALL)
    const entries = peer.entries([{ statement, transfer, head }])
    await peer.send(RECORD.Batch, encodeBatch({ jws: listed.jws([statement]), entries }))
    await expectRefused(peer, 111, 1)
  })

  it('uses a sequence or an exchange twice: alerts 111 and 110', async () => {
    for (const [alert, changes, exchange] of [
      [111, { seq: 0 }, 2],
      [110, {}, 1],
    ] as const) {
      const peer = await open()
      await peer.say([draft()])
      await bounded(peer.until(RECORD.Batch), 20_000, 'the answer')
      await peer.say([draft(changes, { exchange })])
      await expectRefused(peer, alert, 1)
    }
  })

  it('hides a second call in the first: alert 110', async () => {
    const twice = encodeUtf8(
      '{"jsonrpc":"2.0","id":7,"method":"tools/list","method":"tools/call","params":{"name":"count"}}',
    )
    const peer = await open()
    await peer.say([draft({ method: 'tools/list' }, { body: twice })])
    await expectRefused(peer, 110)
  })

  const records: readonly [string, number, (peer: KeyedPeer) => Promise<void>][] = [
    ['an answer to a rekey that it did not ask for', 10, (peer) => peer.send(RECORD.RekeyAck, NONE)],
    ['a record of no type', 10, (peer) => peer.send(0x7f, NONE)],
    [
      'Ready, which is the gateway’s',
      10,
      (peer) => peer.send(RECORD.Ready, encodeReady({ serverTime: 0, sid: randomBytes(48), resumed: null })),
    ],
    ['a Pong that answers no Ping', 10, (peer) => peer.send(RECORD.Pong, encodePing(9))],
    ['a record that is no CBOR', 21, (peer) => peer.send(RECORD.Batch, Uint8Array.of(0xff))],
    [
      'an acknowledgement of what was not sent',
      110,
      (peer) => peer.send(RECORD.Ack, encodeAck({ seq: 3, head: randomBytes(48) })),
    ],
    ['credit that nobody used', 115, (peer) => peer.send(RECORD.Window, encodeWindows([{ exchange: 1, bytes: 9 }]))],
    [
      'a piece that does not continue its body',
      21,
      (peer) =>
        peer.send(
          RECORD.Fragment,
          encodeFragment({ exchange: 1, transfer: 0, offset: 5, total: 9, bytes: CALL.slice(0, 2) }),
        ),
    ],
    [
      'more than it has credit for',
      115,
      async (peer) => {
        const bytes = new Uint8Array(190 * 1024)
        for (let transfer = 0; transfer < 400; transfer += 1) {
          await peer.send(
            RECORD.Fragment,
            encodeFragment({ exchange: 1, transfer, offset: 0, total: 16 * 1024 * 1024, bytes }),
          )
        }
      },
    ],
  ]
  it.each(records)('sends %s: alert %i', async (_, alert, break_) => {
    const peer = await open()
    await break_(peer)
    await expectRefused(peer, alert)
  })

  it('is served again when it keeps the rules again', async () => {
    const peer = await open()
    await peer.say([draft()])
    await bounded(peer.until(RECORD.Batch), 20_000, 'the answer')
    await peer.carrier.close()
    expect(await executions()).toBe(1)
  })

  it('is nobody without a key that is listed: alert 42', async () => {
    from = gateway.process.stderr.length
    const { carrier, established } = await handshakeWith(gateway.url, stranger.signer)
    const peer = new KeyedPeer(established, carrier, 'client', stranger)
    // It does not wait for Ready: what it says before it is known is not looked at.
    await peer.say([draft()])
    expect(await peer.alert()).toBe(42)
    await gateway.process.says(/a connection was refused .*code=peer-unknown .*not in the list/, from)
    expect(await executions()).toBe(0)
  })

  it('does not talk to a gateway that has its own key: alert 42', async () => {
    from = gateway.process.stderr.length
    const { vault = '', keyFile = '' }: { vault?: string; keyFile?: string } = JSON.parse(JSON.stringify(host.config))
    const opened = await openIdentity({ vault, keyFile }, { keyProcessPath: folder.bundles.keyProcess, log: silentLog })
    try {
      await expect(handshakeWith(gateway.url, opened.signer)).rejects.toMatchObject({ alert: 42 })
    } finally {
      opened.dispose()
    }
    expect(await executions()).toBe(0)
  })
})

describe('a gateway with a key that the client pinned', () => {
  const ANSWER = encodeUtf8('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"forged"}]}}')
  const head = encodeResponseHead({ status: 200, headers: [['content-type', 'application/json']] })
  let listening: Listening
  let bridge: Bridged
  let peers: KeyedPeer[] = []
  /** What this gateway does with a request; and with a client before Ready. */
  let answer: (peer: KeyedPeer, asked: Asked) => Promise<void> | void = () => {}
  let greet: (peer: KeyedPeer) => Promise<void> = ready

  function ready(peer: KeyedPeer): Promise<void> {
    return peer.ready()
  }

  beforeAll(async () => {
    const onCarrier = async (carrier: Carrier): Promise<void> => {
      const peer = await KeyedPeer.accept(carrier, listed)
      peer.onAsked = (asked) => void answer(peer, asked)
      peers.push(peer)
      await greet(peer)
    }
    listening = await listenWebSocket({
      url: 'ws://127.0.0.1:0',
      // A client that hangs up during the handshake is what some of these tests are about.
      onCarrier: (carrier) => void onCarrier(carrier).catch(() => {}),
    })
    const config = { identity: client.config, gateway: listening.url, pin: listed.kid }
    bridge = await folder.bridge('c', 'big', config)
  })

  afterAll(() => listening.close())

  /** The id of the call is that of its answer. */
  function answerTo({ id }: Asked): Uint8Array {
    return encodeUtf8(
      Buffer.from(ANSWER)
        .toString()
        .replace('"id":1', `"id":${JSON.stringify(id)}`),
    )
  }

  const response = (asked: Asked, changes: Members = {}, more: Partial<Draft> = {}): Draft => {
    const { server, exchange, digest: req } = asked
    return { kind: 'response', server, exchange, head, body: answerTo(asked), changes: { req, ...changes }, ...more }
  }
  const end = (asked: Asked, changes: Members = {}): Draft => {
    const { server, exchange, digest: req } = asked
    return { kind: 'end', server, exchange, changes: { req, end: { events: 0, reason: 'complete' }, ...changes } }
  }

  /** The call gets an error that says what was wrong, the answer is withheld, and this gateway is told why. */
  async function expectWithheld(alert: number, why: RegExp): Promise<void> {
    peers = []
    const from = bridge.process.stderr.length
    const { result, error } = await bridge.call('count')
    expect(result).toBeUndefined()
    expect(JSON.stringify(error)).not.toContain('forged')
    expect(error?.message).toMatch(why)
    expect(await peers.at(-1)?.alert()).toBe(alert)
    await bridge.process.says(new RegExp(`was withheld alert=${alert} `), from)
    await bridge.process.says(/a session ended gateway=/, from)
  }

  it('is believed while it keeps the rules', async () => {
    answer = (peer, asked) => peer.say([response(asked), end(asked)])
    const { result } = await bridge.call('count')
    expect(result?.content?.[0]?.text).toBe('forged')
    // The next one begins with a handshake of its own.
    await peers.at(-1)?.carrier.close()
    await bridge.process.says(/a session ended gateway=/)
  })

  const statements: readonly [string, number, RegExp, (asked: Asked) => Members][] = [
    ['of another session', 110, /another session/, () => ({ sid: other48() })],
    ['for somebody else', 110, /somebody else/, () => ({ aud: stranger.kid })],
    ['in the other direction', 110, /./, () => ({ dir: 'c2s' })],
    ['with a sequence too high', 110, /missing/, () => ({ seq: 4 })],
    ['with another past', 110, /follow/, () => ({ prev: other48() })],
    ['about another head', 110, /head/, () => ({ head: digestOf(NONE) })],
    ['about another context', 110, /bytes/, () => ({ ctx: { alg: 'sha-384', digest: digestOf(NONE), length: 80 } })],
    ['that says another id', 110, /id/, () => ({ id: '"another"' })],
    ['that says a method', 110, /method/, () => ({ method: 'tools/call' })],
    ['from three minutes ago', 112, /clock/, () => ({ ts: Date.now() - 180_000 })],
    ['from the future', 112, /clock/, () => ({ ts: Date.now() + 180_000 })],
    ['that acknowledges what was never sent', 110, /acknowledge/, () => ({ ack: { seq: 9, head: other48() } })],
    ['that acknowledges something else', 110, /acknowledge/, () => ({ ack: { seq: 1, head: other48() } })],
    ['that answers a request that was never made', 110, /never made/, () => ({ req: other48() })],
    ['that answers nothing', 110, /./, () => ({ req: undefined })],
    ['of another server', 110, /another exchange/, () => ({ server: 'small' })],
    ['of another exchange', 110, /exchange/, ({ exchange }) => ({ exchange: exchange + 1 })],
    ['that asks instead of answering', 110, /./, () => ({ kind: 'request', req: undefined })],
  ]
  it.each(statements)('answers with a statement %s: alert %i', async (_, alert, why, changes) => {
    answer = (peer, asked) => peer.say([response(asked, changes(asked)), end(asked)])
    await expectWithheld(alert, why)
  })

  it('answers one question with the answer to another: alert 110', async () => {
    const waiting: Asked[] = []
    answer = async (peer, asked) => {
      waiting.push(asked)
      const [one, two] = waiting
      if (one === undefined || two === undefined) return
      // Both answers are right by themselves; what binds each to its question is not.
      await peer.say([response(one, { req: two.digest }), response(two, { req: one.digest }), end(one), end(two)])
    }
    const from = bridge.process.stderr.length
    peers = []
    const calls = await Promise.all([bridge.call('count'), bridge.call('count')])
    for (const { error } of calls) expect(error?.message).toMatch(/another exchange/)
    expect(await peers.at(-1)?.alert()).toBe(110)
    await bridge.process.says(/was withheld alert=110 /, from)
    await bridge.process.says(/a session ended gateway=/, from)
  })

  const batches: readonly [
    string,
    number,
    RegExp,
    (batch: { jws: Uint8Array; entries: BatchEntry[] }) => Partial<BatchEntry>,
  ][] = [
    [
      'a bit of the statement',
      110,
      /root|strict JSON|member|statement/i,
      ({ entries }) => ({ statement: flip(entries[0]?.statement, 200) }),
    ],
    ['a node of the proof', 110, /proof/, () => ({ proof: [randomBytes(48)] })],
    ['the head', 110, /head/, () => ({ head: flip(head, 3) })],
    ['the body', 110, /body/, () => ({ transfer: 77 })],
  ]
  it.each(batches)('changes %s after it signed: alert %i', async (_, alert, why, change) => {
    answer = (peer, asked) =>
      peer.say([response(asked), end(asked)], (batch) => ({
        ...batch,
        entries: batch.entries.map((entry, at) => (at === 0 ? { ...entry, ...change(batch) } : entry)),
      }))
    await expectWithheld(alert, why)
  })

  it('has its answer signed by another key: alert 51', async () => {
    answer = async (peer, asked) => {
      const transfer = await peer.body(asked.exchange, answerTo(asked))
      const statement = peer.statement(response(asked))
      const jws = stranger.jws([statement])
      await peer.send(RECORD.Batch, encodeBatch({ jws, entries: peer.entries([{ statement, transfer, head }]) }))
    }
    await expectWithheld(51, /signature/)
  })

  it.each([
    ['cannot be read', Uint8Array.of(0x80)],
    ['sends the agent elsewhere', encodeResponseHead({ status: 302, headers: [] })],
    ['asks the agent for credentials', encodeResponseHead({ status: 401, headers: [] })],
  ] as const)('signs a head that %s: the agent gets an error of ours', async (_, bad) => {
    answer = (peer, asked) => peer.say([response(asked, {}, { head: bad }), end(asked)])
    const from = bridge.process.stderr.length
    const { result, error } = await bridge.call('count')
    expect(result).toBeUndefined()
    expect(error?.message).toMatch(/^Countersign: /)
    await peers.at(-1)?.carrier.close()
    await bridge.process.says(/a session ended gateway=/, from)
  })

  it.each([
    ['other events than came', { events: 3, reason: 'complete' }],
    ['an end for no known reason', { events: 0, reason: 'because' }],
  ] as const)('signs %s: the session ends', async (_, how) => {
    const from = bridge.process.stderr.length
    answer = (peer, asked) => peer.say([end(asked, { end: how })])
    const { error } = await bridge.call('count')
    expect(error?.message).toMatch(/^Countersign: /)
    await bridge.process.says(/a session ended gateway=/, from)
  })

  it.each([
    [
      'names another session in Ready',
      10,
      /another session/,
      (peer: KeyedPeer) => peer.ready({ sid: randomBytes(48) }),
    ],
    [
      'has another clock in Ready',
      112,
      /clocks/,
      (peer: KeyedPeer) => peer.ready({ serverTime: Date.now() + 180_000 }),
    ],
    ['says something before Ready', 10, /before Ready/, (peer: KeyedPeer) => peer.send(RECORD.Ping, encodePing(1))],
    ['says nothing in Ready', 21, /cut off/, (peer: KeyedPeer) => peer.send(RECORD.Ready, NONE)],
  ] as const)('%s: alert %i', async (_, alert, why, instead) => {
    greet = instead
    peers = []
    const { error } = await bridge.call('count').finally(() => (greet = ready))
    expect(error?.message).toMatch(why)
    expect(await peers.at(-1)?.alert()).toBe(alert)
    expect(peers.at(-1)?.asked).toEqual([])
  })

  it('is believed again when it keeps the rules again, and the journal holds nothing false', async () => {
    answer = (peer, asked) => peer.say([response(asked), end(asked)])
    expect((await bridge.call('count')).result?.content?.[0]?.text).toBe('forged')
    expect(await bridge.process.stop()).toEqual({ code: 0, signal: null, left: [] })
    const { out } = await folder.verify([client.kid, listed.kid], folder.journalFiles('clients'))
    expect(out.split('\n').filter((line) => line.startsWith('FALSE'))).toEqual([])
  })
})

describe('a key', () => {
  const servers = (url: string) => ({ big: { url } })

  it('that is not the pinned one gets nothing, not even who is calling', async () => {
    const pin = second.kid
    const bridge = await folder.bridge('pin', 'big', { identity: client.config, gateway: gateway.url, pin })
    const from = gateway.process.stderr.length
    const { error } = await bridge.call('count')
    expect(error?.data?.code).toBe('peer-changed')
    expect(error?.message).toMatch(/another key .* than the one that was pinned/)
    expect(error?.message).toContain(host.kid)
    await gateway.process.says(/a connection was refused .*identity key was not accepted/, from)
    expect(gateway.process.stderr.slice(from)).not.toContain(client.kid)
    expect(await executions()).toBe(0)
    expect(await bridge.process.stop()).toMatchObject({ code: 0, left: [] })
  })

  it('that changed after its first use is refused, also after a restart, and the pin stays', async () => {
    const relay = await ChainRelay.listen(gateway.url)
    const config = { identity: client.config, gateway: relay.url, pin: 'first-use' }
    const first = await folder.bridge('first', 'big', config)
    expect((await first.initialize()).result).toBeDefined()
    await first.process.says(new RegExp(`pinned gateway .*${host.kid}`))
    await first.process.stop()

    const clients = [{ kid: client.kid, name: 'agent' }]
    const replaced = await folder.vaultIdentity('replaced')
    const other = await folder.gateway('other', {
      identity: replaced.config,
      clients,
      servers: servers('http://127.0.0.1:9/'),
    })
    relay.target = other.url
    const again = await folder.bridge('first', 'big', config)
    const { error } = await again.call('count')
    expect(error?.data?.code).toBe('peer-changed')
    expect(error?.message).toMatch(/somebody stands in between/)
    relay.target = gateway.url
    expect((await again.initialize()).result).toBeDefined()
    await Promise.all([again.process.stop(), other.process.stop(), relay.close()])
  }, 60_000)

  it('of a client that the gateway does not know is refused, and the agent is told', async () => {
    const unknown = await folder.vaultIdentity('unknown')
    const config = { identity: unknown.config, gateway: gateway.url, pin: host.kid }
    const bridge = await folder.bridge('unknown', 'big', config)
    const from = gateway.process.stderr.length
    const { error } = await bridge.call('count')
    expect(error?.data?.code).toBe('session-refused')
    expect(error?.message).toMatch(/identity key was not accepted/)
    const told = await gateway.process.says(/a connection was refused .*/, from)
    // Its whole kid, so that the operator can put it into the list.
    expect(told).toContain(unknown.kid)
    expect(await executions()).toBe(0)
    await bridge.process.stop()
  })

  it('of the client’s own is no gateway', async () => {
    const config = { identity: host.config, gateway: gateway.url, pin: host.kid }
    const bridge = await folder.bridge('mirror', 'big', config)
    const { error } = await bridge.call('count')
    expect(error?.data?.code).toBe('session-refused')
    expect(error?.message).toMatch(/identity of this one/)
    expect(await executions()).toBe(0)
    await bridge.process.stop()
  })
})

function flip(bytes: Uint8Array = NONE, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}
