import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { decodeCbor } from '../../../src/contracts/cbor.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import { ALERT } from '../../../src/session/alerts.ts'
import { SUBPROTOCOL } from '../../../src/session/carrier/webSocket.ts'
import { toCountersignError } from '../../../src/support/errors.ts'
import { ChainRelay, type Way } from '../../fakes/chainRelay.ts'
import { Party } from '../../fakes/party.ts'
import { answerTo, callThrough, type Client, Stand } from '../../faults/stand.ts'

/**
 * Whoever recorded all frames of a session plays them again, whole or in part, to either end, in another connection, in
 * another session, or in the same one. Statements of one session in another one, from a client that holds both, are in
 * test/integration/session/keyedPeer.test.ts ("of another session", "that comes twice is alert 111").
 */
let stand: Stand
let relay: ChainRelay
let editor: Party
let client: Client

beforeEach(async () => {
  stand = await Stand.open('webSocket')
  relay = await ChainRelay.listen(stand.url)
  editor = await Party.create(1, 'editor')
  client = await stand.connect(editor, relay)
  expect(await callThrough(client, 1)).toBe(answerTo(1))
})

afterEach(async () => {
  await client.session.close()
  await relay.close()
  await stand.close()
})

function recorded(connection: number, way: Way): Uint8Array[] {
  return relay.seen.filter((frame) => frame.connection === connection && frame.way === way).map(({ frame }) => frame)
}

/** Plays frames to the gateway over a connection of their own. Returns what it answered, when it has hung up. */
async function play(frames: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const socket = new WebSocket(stand.url, [SUBPROTOCOL], { perMessageDeflate: false })
  const answers: Uint8Array[] = []
  socket.on('message', (data: Buffer) => answers.push(new Uint8Array(data)))
  socket.on('error', () => {})
  await once(socket, 'open')
  const closed = once(socket, 'close')
  for (const frame of frames) socket.send(frame)
  await closed
  return answers
}

/** The code of a cleartext alert. */
function alertIn(frame: Uint8Array | undefined): unknown {
  const list = frame?.[0] === 0x0f ? decodeCbor(frame.subarray(5), { bytes: 4096 }) : undefined
  return Array.isArray(list) ? list[0] : undefined
}

/** Nothing of it was carried out again, and the session that was recorded has not noticed. */
async function unharmed(id: number): Promise<void> {
  expect(await callThrough(client, id)).toBe(answerTo(id))
  expect(Array.from(stand.executions.values()).every((times) => times === 1)).toBe(true)
  expect(stand.executions.size).toBe(2)
  expect([...editor.rejections, ...stand.host.rejections]).toEqual([])
}

describe('what a client said, played to the gateway', () => {
  it('as a handshake: the gateway answers with another one, and ClientAuth does not fit it', async () => {
    const [hello, auth] = recorded(0, 'c2s')
    if (hello === undefined || auth === undefined) throw new Error('nothing was recorded')
    const answers = await play([hello, auth])
    expect(answers).toHaveLength(2)
    expect(answers[0]).not.toEqual(recorded(0, 's2c')[0])
    expect(alertIn(answers[1])).toBe(ALERT.badRecord)
    expect(editor.connections).toEqual([])
    await unharmed(2)
  })

  it('as a whole session, and from each frame of it on', async () => {
    const frames = recorded(0, 'c2s')
    expect(frames.length).toBeGreaterThan(3)
    for (const from of frames.keys()) {
      const answers = await play(frames.slice(from))
      const alerts = answers.map(alertIn).filter((alert) => alert !== undefined)
      expect(alerts, `from ${from}`).toHaveLength(1)
      expect([ALERT.badRecord, ALERT.unexpectedMessage, ALERT.decode, ALERT.overflow], `from ${from}`).toContain(
        alerts[0],
      )
    }
    await unharmed(2)
  })

  it('as a resume: it is bound to the handshake that it was made for', async () => {
    await relay.cut()
    expect(await callThrough(client, 2)).toBe(answerTo(2))
    expect(editor.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'resumed'])
    const [hello, auth] = recorded(1, 'c2s')
    const [firstHello] = recorded(0, 'c2s')
    if (hello === undefined || auth === undefined || firstHello === undefined) throw new Error('nothing was recorded')
    for (const frames of [
      [hello, auth],
      [firstHello, auth],
    ]) {
      const answers = await play(frames)
      expect(alertIn(answers[1])).toBe(ALERT.badRecord)
    }
    // Neither end has lost its connection to it.
    expect(await callThrough(client, 3)).toBe(answerTo(3))
    expect(editor.connections).toHaveLength(3)
    expect(Array.from(stand.executions.values())).toEqual([1, 1, 1])
  })
})

describe('what a gateway said, played to a client', () => {
  it('as a whole session, and from each frame of it on', async () => {
    const frames = recorded(0, 's2c')
    expect(frames.length).toBeGreaterThan(3)
    for (const from of [0, 1, 2]) {
      const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: ([first]) => first ?? false })
      await once(server, 'listening')
      server.on('connection', (socket) => {
        socket.once('message', () => frames.slice(from).forEach((frame) => socket.send(frame)))
      })
      const address = server.address()
      const url = `ws://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
      const other = await Party.create(3, 'other')
      const refused = await stand.connect(other, { url }).catch(toCountersignError)
      expect(refused, `from ${from}`).toMatchObject({
        code: expect.stringMatching(/^(peer-protocol|decode|decrypt-failed)$/),
      })
      expect(other.reports).toEqual([])
      for (const socket of server.clients) socket.terminate()
      server.close()
    }
    await unharmed(2)
  })
})

describe('records of another connection', () => {
  for (const way of ['c2s', 's2c'] as const) {
    it(`of the same session, ${way}, after a resume: other keys`, async () => {
      const batch = relay.seen.find((frame) => frame.way === way && frame.type === RECORD.Batch)
      if (batch === undefined) throw new Error('nothing was recorded')
      await relay.cut()
      expect(await callThrough(client, 2)).toBe(answerTo(2))
      relay.once(
        (frame) => frame.connection > 0 && frame.way === way && frame.type === RECORD.Batch,
        () => [batch.frame],
      )
      await refused(way, 3)
    })

    it(`of another session, ${way}: other keys`, async () => {
      const other = await Party.create(3, 'other')
      const theirs = await stand.connect(other, relay)
      expect(await callThrough(theirs, 7)).toBe(answerTo(7))
      const batch = relay.seen.find(
        (frame) => frame.connection === 1 && frame.way === way && frame.type === RECORD.Batch,
      )
      if (batch === undefined) throw new Error('nothing was recorded')
      relay.once(
        (frame) => frame.connection === 0 && frame.way === way && frame.type === RECORD.Batch,
        () => [batch.frame],
      )
      await refused(way, 3)
      expect(await callThrough(theirs, 8)).toBe(answerTo(8))
      await theirs.session.close()
    })

    it(`of this one, ${way}, a second time: the sequence has gone on`, async () => {
      let batch: Uint8Array | undefined
      relay.once(
        (frame) => frame.way === way && frame.type === RECORD.Batch,
        (frame) => {
          batch = frame
          return [frame, frame]
        },
      )
      await refused(way, 3)
      expect(batch).toBeDefined()
    })
  }

  /** The end that it was played to refuses it with alert 20, and the session is over: no failure of a network. */
  async function refused(way: Way, id: number): Promise<void> {
    await callThrough(client, id).catch((error: unknown) => {
      expect(toCountersignError(error).code).toMatch(/^(outcome-unknown|peer-protocol)$/)
    })
    expect(relay.changed).toBe(1)
    expect(await client.session.closed).toMatchObject({ code: 'peer-protocol' })
    const noticing = way === 'c2s' ? stand.host : editor
    await expect.poll(() => noticing.rejections.map(({ alert }) => alert)).toEqual([ALERT.badRecord])
    expect(Array.from(stand.executions.values()).every((times) => times === 1)).toBe(true)
    relay.honest()
  }
})
