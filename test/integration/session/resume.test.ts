import { beforeEach, describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import type { Session } from '../../../src/session/api.ts'
import { ALERT } from '../../../src/session/alerts.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import { encodeAlert } from '../../../src/session/handshake/messages.ts'
import { MAX_UNACKNOWLEDGED } from '../../../src/session/limits.ts'
import { LiveSession } from '../../../src/session/liveSession.ts'
import { openConnection } from '../../../src/session/openConnection.ts'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import { resumeExtension, type ResumeOffer, type ResumptionSecret } from '../../../src/session/resume/offer.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import type { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { Caller, chainOf, Echo, Network } from '../../fakes/network.ts'
import { Party } from '../../fakes/party.ts'

let editor: Party
let host: Party
let echo: Echo
let network: Network
let session: Session
let caller: Caller

beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
  echo = new Echo()
  network = new Network(host)
  network.onSession = echo.serve
  session = await network.connect(editor)
  caller = new Caller(session)
})

const kinds = (party: Party): string[] => party.connections.map(({ kind }) => kind)
const once = (): boolean => [...echo.asked.values()].every((times) => times === 1)

/** Ends the session well and compares what the two ends say happened. */
async function sameHistory(): Promise<void> {
  await session.close()
  await expect.poll(() => chainOf(host.journal, 'received')).toEqual(chainOf(editor.journal, 'sent'))
  await expect.poll(() => chainOf(editor.journal, 'received')).toEqual(chainOf(host.journal, 'sent'))
  expect([...editor.rejections, ...host.rejections]).toEqual([])
}

/** The next frame of this type that this end sends is the last that the network carries; `passes`: it still arrives. */
function cutAt(carrier: MemoryCarrier | undefined, type: number, passes: boolean): void {
  if (carrier === undefined) throw new Error('no connection')
  let done = false
  carrier.tamper = (frame) => {
    if (done) return []
    if (frame[0] !== type) return [frame]
    done = true
    // Two turns, because a frame takes one: with one the cut would always be there first.
    setImmediate(() => setImmediate(() => network.cut()))
    return passes ? [frame] : []
  }
}

describe('a connection that is lost', () => {
  it('comes back where its client has as many sessions as it may: it is one of them', async () => {
    network = new Network(host, {}, { perClient: 1, total: 1 })
    network.onSession = echo.serve
    session = await network.connect(editor)
    caller = new Caller(session)
    network.cut()
    expect(await caller.call('1')).toBe('answered')
    expect(network.sessions).toHaveLength(1)
    await sameHistory()
  })

  it('comes back by itself, and the session goes on', async () => {
    expect(await caller.call('1')).toBe('answered')
    network.cut()
    expect(await caller.call('2')).toBe('answered')
    expect(kinds(editor)).toEqual(['lost', 'waiting', 'resumed'])
    expect(network.sessions).toHaveLength(1)
    expect(editor.reports.map(({ sid }) => sid)).toEqual([session.sid, session.sid])
    expect(new Set(editor.reports.map(({ conn }) => conn)).size).toBe(2)
    await sameHistory()
  })

  for (const passes of [false, true]) {
    for (const [name, end, type] of [
      ['a request', 0, RECORD.Batch],
      ['an answer', 1, RECORD.Batch],
      ['a body', 0, RECORD.Fragment],
      ['an acknowledgement', 1, RECORD.Ack],
      ['credit', 0, RECORD.Window],
    ] as const) {
      it(`with ${name} that did ${passes ? '' : 'not '}arrive costs no call, and no call twice`, async () => {
        cutAt(network.carriers[0]?.[end], type, passes)
        const calls = Array.from({ length: 20 }, (_, id) => caller.call(`${id}`, id * 30_000))
        expect(new Set(await Promise.all(calls))).toEqual(new Set(['answered']))
        expect(once()).toBe(true)
        expect(echo.asked.size).toBe(20)
        await sameHistory()
      })
    }
  }

  // The gateway has gone over to a connection that its client knows nothing of, once and three times in a row.
  for (const times of [1, 3]) {
    it(`comes back though Ready was lost ${times} times`, async () => {
      expect(await caller.call('1')).toBe('answered')
      const stolen = Reflect.get(session, 'resumptionSecrets')
      network.cut()
      for (let lost = 1; lost <= times; lost++) {
        await expect.poll(() => network.carriers.length, { interval: 1, timeout: 10_000 }).toBe(lost + 1)
        const end = network.carriers[lost]?.[1]
        if (end === undefined) throw new Error('no connection')
        // Its frames are ServerHello and Ready.
        end.tamper = (frame, number) => {
          if (number === 0) return [frame]
          setImmediate(() => network.cut())
          return []
        }
      }
      expect(await caller.call('2')).toBe('answered')
      expect(kinds(editor).filter((kind) => kind !== 'waiting')).toEqual(['lost', 'resumed'])
      expect(kinds(host).filter((kind) => kind === 'resumed')).toHaveLength(times + 1)
      expect(network.sessions).toHaveLength(1)
      expect(once()).toBe(true)
      // Heard over the new connection, the gateway has forgotten what went before.
      expect(Reflect.get(network.sessions[0] ?? {}, 'resumptionSecrets')).toHaveLength(1)
      expect(Reflect.get(network.sessions[0] ?? {}, 'resumptionSecrets')).not.toEqual(stolen)
      await sameHistory()
    })
  }

  it('while the gateway works on an answer waits for it', async () => {
    let answer: () => void = () => {}
    echo.delay = () => new Promise((resolve) => (answer = resolve))
    const call = caller.call('1')
    await expect.poll(() => echo.asked.size).toBe(1)
    network.up = false
    network.cut()
    answer()
    await expect.poll(() => kinds(editor).filter((kind) => kind === 'waiting').length).toBeGreaterThan(2)
    network.up = true
    expect(await call).toBe('answered')
    expect(once()).toBe(true)
    await sameHistory()
  })

  it('and whose answer to a resume is lost, again and again, comes back with the secret that the client has', async () => {
    expect(await caller.call('1')).toBe('answered')
    let answers = 0
    network.onCarrier = ([client, gateway]) => {
      gateway.tamper = (frame) => {
        if (frame[0] !== RECORD.Ready || answers >= 3) return [frame]
        answers += 1
        // In the second round the gateway does not notice: it has a connection when the client comes back.
        setImmediate(() => (answers === 2 ? client.break() : network.cut()))
        return []
      }
    }
    network.cut()
    expect(await caller.call('2')).toBe('answered')
    expect(answers).toBe(3)
    expect(host.connections.filter(({ kind }) => kind === 'resumed')).toHaveLength(4)
    expect(network.sessions).toHaveLength(1)
    // What the client no longer has, the gateway no longer takes.
    expect(Reflect.get(network.sessions[0] ?? {}, 'resumptionSecrets')).toHaveLength(1)
    await sameHistory()
  })

  for (const alert of [ALERT.internal, ALERT.badSignature]) {
    for (const [instead, frame] of ['of ServerHello', 'of Ready'].entries()) {
      it(`is tried again where somebody on the way says alert ${alert} in the clear in place ${frame}`, async () => {
        expect(await caller.call('1')).toBe('answered')
        network.onCarrier = ([, gateway]) => {
          gateway.tamper = (sent, number) => [number === instead ? encodeAlert(alert, '').bytes : sent]
          network.onCarrier = () => {}
        }
        network.cut()
        expect(await caller.call('2')).toBe('answered')
        expect(kinds(editor).filter((kind) => kind !== 'waiting')).toEqual(['lost', 'resumed'])
        await sameHistory()
      })
    }
  }

  it('again and again loses nothing', async () => {
    for (let round = 0; round < 12; round++) {
      const calls = Array.from({ length: 10 }, (_, id) => caller.call(`${round * 10 + id}`, round * 9000))
      const cut = new Promise<void>((done) => setTimeout(() => done(network.cut()), round * 3))
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['answered']))
      // Also where all were faster: a cut in the middle of the goodbye would be another test.
      await cut
    }
    expect(await caller.call('120')).toBe('answered')
    expect(once()).toBe(true)
    expect(echo.asked.size).toBe(121)
    await sameHistory()
  })

  it('lets calls that wait for it be cancelled, without a trace', async () => {
    expect(await caller.call('1')).toBe('answered')
    network.up = false
    network.cut()
    const cancel = new AbortController()
    const body = new TextEncoder().encode('{"jsonrpc":"2.0","id":9,"method":"tools/call"}')
    const exchange = session.nextExchange()
    const context = { kind: 'request', server: 'echo', exchange, head: new Uint8Array(0), body } as const
    const waiting = session.send(context, cancel.signal)
    setTimeout(() => cancel.abort(), 30)
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
    network.up = true
    expect(await caller.call('2')).toBe('answered')
    expect(echo.asked.has('9')).toBe(false)
    await sameHistory()
  })

  it('ends with an unknown outcome for what was sent, and no other, where the gateway was restarted', async () => {
    echo.delay = () => new Promise(() => {})
    const sent = caller.call('1')
    await expect.poll(() => echo.asked.size).toBe(1)
    network.restart()
    expect(await sent).toBe('outcome-unknown')
    expect(await session.closed).toMatchObject({ code: 'session-lost' })
    expect((await session.closed)?.message).toContain('no longer has this session')
    // A new session is a new session: nothing of the old one is carried out in it.
    expect(network.sessions).toHaveLength(2)
    expect(echo.asked).toEqual(new Map([['1', 1]]))
  })

  it('ends with the session that the gateway closes meanwhile: nothing follows a signed close', async () => {
    let answer: () => void = () => {}
    echo.delay = () => new Promise((resolve) => (answer = resolve))
    const call = caller.call('1')
    await expect.poll(() => echo.asked.size).toBe(1)
    // The gateway has not noticed, and says goodbye to nobody.
    network.carriers[0]?.[0].break()
    void network.sessions[0]?.close()
    await expect.poll(() => network.carriers.length).toBe(2)
    await network.carriers[1]?.[0].closed
    answer()
    expect(await call).toBe('outcome-unknown')
    expect(await session.closed).toMatchObject({ code: 'session-lost' })
    expect([...editor.rejections, ...host.rejections]).toEqual([])
  })

  it('comes to a standstill also where the session ends in the same turn', async () => {
    let signing = false
    editor.signer.before = () => new Promise(() => (signing = true))
    const call = caller.call('1')
    await expect.poll(() => signing).toBe(true)
    if (!(session instanceof LiveSession)) throw new Error('another session')
    const standing = session.interrupt(new CountersignError('session-closed', 'The connection was lost.'))
    session.end(undefined, undefined)
    // A gateway that waited here for ever would keep one of its 64 places for handshakes.
    await standing
    expect(await call).toBe('session-closed')
  })

  it('ends where the session is closed meanwhile, without a goodbye', async () => {
    network.up = false
    network.cut()
    await session.close()
    expect(await session.closed).toBeUndefined()
    await expect(session.send({ ...REQUEST, exchange: 1 })).rejects.toMatchObject({ code: 'session-closed' })
  })
})

const REQUEST = {
  kind: 'request',
  server: 'echo',
  head: new Uint8Array(0),
  body: new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
} as const

describe('a session that somebody else asks for', () => {
  interface Asked {
    readonly by?: Party
    readonly secrets?: readonly ResumptionSecret[]
    readonly offer?: Partial<Omit<ResumeOffer, 'binders'>>
  }

  /** What the session under test would prove itself with: a test may look, nobody else can. */
  function stolen(): readonly ResumptionSecret[] {
    return Reflect.get(session, 'resumptionSecrets')
  }

  async function position(): Promise<Omit<ResumeOffer, 'binders'>> {
    const sent = chainOf(editor.journal, 'sent')
    const received = chainOf(editor.journal, 'received')
    const checker = Reflect.get(Reflect.get(session, 'contexts'), 'returns').position
    expect(checker.seq).toBe(received.length)
    return {
      sid: decodeBase64url(session.sid),
      attempt: 1,
      count: checker.seq,
      head: checker.head,
      sent: sent.length,
      held: 0,
    }
  }

  /** Connects as a client that asks for the session under test. Returns what the gateway answered. */
  async function ask({ by = editor, secrets = stolen(), offer = {} }: Asked): Promise<unknown> {
    const whole = { ...(await position()), ...offer }
    const trust = { checkGateway: async () => 'accept' as const }
    const carrier = (): Promise<MemoryCarrier> => network.carrier()
    const { opened, answer } = await openConnection(
      { ...by.ports, carrier, suites: DEFAULT_SUITES, trust },
      {
        sid: encodeBase64url(whole.sid),
        extension: (transcript) => resumeExtension(whole, secrets, transcript),
      },
    )
    void opened.carrier.close()
    return answer
  }

  const CASES: readonly [string, () => Promise<Asked>][] = [
    ['by another client', async () => ({ by: await Party.create(3, 'other') })],
    [
      'with the same key, and without the secret of the connection',
      async () => ({ secrets: [{ epoch: 0, secret: randomBytes(48) }] }),
    ],
    ['for another epoch', async () => ({ secrets: stolen().map(({ secret }) => ({ epoch: 1, secret })) })],
    ['without a binder', async () => ({ secrets: [] })],
    ['that does not exist', async () => ({ offer: { sid: randomBytes(48) } })],
    ['with another chain head', async () => ({ offer: { head: sha384(randomBytes(8)) } })],
    ['with more than was sent', async () => ({ offer: { count: 99 } })],
    ['with less than was acknowledged', async () => ({ offer: { count: 0 } })],
    ['with a history that is too short', async () => ({ offer: { sent: 0 } })],
    [
      'with more to come again than may be unacknowledged',
      async () => ({ offer: { sent: chainOf(editor.journal, 'sent').length + MAX_UNACKNOWLEDGED + 1 } }),
    ],
  ]
  for (const [name, asked] of CASES) {
    it(`${name} is not resumed, and is left alone`, async () => {
      expect(await caller.call('1')).toBe('answered')
      // Acknowledged, so that "less than that" is something.
      await new Promise((resolve) => setTimeout(resolve, 150))
      expect(await ask(await asked())).toBe(false)
      expect(await caller.call('2')).toBe('answered')
      expect(kinds(editor)).toEqual([])
      expect(host.connections.filter(({ sid }) => sid === session.sid)).toEqual([])
    })
  }

  it('with a number that was used is not resumed', async () => {
    expect(await caller.call('1')).toBe('answered')
    network.cut()
    expect(await caller.call('2')).toBe('answered')
    expect(await ask({ offer: { attempt: 1 } })).toBe(false)
    expect(await caller.call('3')).toBe('answered')
  })

  it('twice at once has one winner, and nothing is executed twice', async () => {
    expect(await caller.call('1')).toBe('answered')
    // Whoever holds all secrets of the client is the client: also then only one of two that come at once is served.
    const answers = await Promise.all([ask({}), ask({}), ask({}), ask({})])
    expect(answers.filter((answer) => answer !== false)).toHaveLength(1)
    expect(echo.asked).toEqual(new Map([['1', 1]]))
  })

  it('is not given to a connection that was overtaken in the last turn', async () => {
    expect(await caller.call('1')).toBe('answered')
    const table = Reflect.get(network, 'table')
    const takeOver = table.takeOver.bind(table)
    table.takeOver = async (taken: LiveSession, ...rest: unknown[]) => {
      const position = await takeOver(taken, ...rest)
      // What a second handshake does that is done in this very turn.
      taken.attempt += 1
      return position
    }
    expect(await ask({})).toBe(false)
    expect(kinds(host).filter((kind) => kind === 'resumed')).toEqual([])
  })

  it('while it is connected goes to whoever proves to be its client; the old connection is fenced', async () => {
    expect(await caller.call('1')).toBe('answered')
    const [connection] = network.carriers
    // The client lost its connection and the gateway has not noticed.
    connection?.[0].break()
    expect(await caller.call('2')).toBe('answered')
    await connection?.[1].closed
    expect(echo.asked).toEqual(
      new Map([
        ['1', 1],
        ['2', 1],
      ]),
    )
    await sameHistory()
  })
})
