import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DEFAULT_SUITES } from '../../../src/crypto/suite.ts'
import type { Session } from '../../../src/session/api.ts'
import type { Carrier } from '../../../src/session/carrier/carrier.ts'
import { connectWebSocket } from '../../../src/session/carrier/webSocket.ts'
import { GatewayListener, type GatewayOptions } from '../../../src/session/gateway.ts'
import { encodeM1 } from '../../../src/session/handshake/messages.ts'
import type { Clock } from '../../../src/support/clock.ts'
import { toCountersignError } from '../../../src/support/errors.ts'
import { connect, join, Party } from '../../fakes/party.ts'
import { someHello, Stranger } from '../../fakes/stranger.ts'

let host: Party
let gateway: GatewayListener
/** When the gateway's key was asked to sign, in ms. */
let signed: number[]
const sessions: Session[] = []

beforeEach(async () => {
  host = await Party.create(1, 'host')
  signed = []
  host.signer.before = ({ kind }) => void (kind === 'handshake' && signed.push(performance.now()))
})
afterEach(async () => {
  await gateway.close()
  sessions.length = 0
})

/** With `clock` no time goes by for the limits but what a test says, however slow the machine is. */
async function listen(
  handshakes: GatewayOptions['handshakes'],
  changes: Pick<GatewayOptions, 'timeout' | 'sessionLimits'> & { readonly clock?: Clock } = {},
): Promise<void> {
  gateway = await GatewayListener.listen({
    ...host.ports,
    suites: DEFAULT_SUITES,
    clients: { checkClient: async () => 'accept' },
    listen: 'ws://127.0.0.1:0',
    onSession: (session) => sessions.push(session),
    ...(handshakes !== undefined && { handshakes }),
    ...changes,
  })
}

/** Until it works, with the pauses of a client that is told to come later. Returns how often it had to. */
async function persist(party: Party, first: Carrier, codes: Set<string>): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    try {
      await connect(party, tries === 0 ? first : await connectWebSocket(gateway.url))
      return tries
    } catch (thrown) {
      const { code } = toCountersignError(thrown)
      codes.add(code)
      if (tries === 40) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 200 + 400 * Math.random()))
    }
  }
}

it('serves 200 who come at once, with no more signatures than it may make and no more handshakes than it may hold', async () => {
  const [perSecond, halfOpen] = [40, 64]
  await listen({ perAddress: perSecond, total: perSecond, halfOpen })
  const admission: object = Reflect.get(gateway, 'admission')
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, Number(Reflect.get(admission, 'halfOpen')))
    expect(Reflect.get(admission, 'turns')).toSatisfy((turns: unknown[]) => turns.length <= perSecond)
    expect(Reflect.get(admission, 'waiting')).toSatisfy((waiting: unknown[]) => waiting.length <= halfOpen)
  }, 5)
  const codes = new Set<string>()
  const parties = await Promise.all(
    Array.from({ length: 200 }, (_, index) => Party.create(index + 2, `editor ${index}`)),
  )
  // All connections are there before the first of them says anything.
  const carriers = await Promise.all(
    parties.map(async (party) => ({ party, carrier: await connectWebSocket(gateway.url) })),
  )
  const began = performance.now()
  const tries = await Promise.all(carriers.map(({ party, carrier }) => persist(party, carrier, codes)))
  clearInterval(watching)
  await expect.poll(() => sessions.length).toBe(200)
  expect(most).toBe(halfOpen)
  expect(tries.filter((count) => count > 0).length).toBeGreaterThanOrEqual(200 - halfOpen)
  const asked = parties.filter(({ reports }) => reports[0]?.steps.some(({ name }) => name === 'Retry'))
  expect(asked.length).toBeGreaterThan(0)
  // Whoever was sent away got an error that callers take as "later": no refusal, no violation.
  for (const code of codes) expect(['handshake-timeout', 'session-closed', 'gateway-unreachable']).toContain(code)
  // A turn is taken before its signature, so by each moment there were no more signatures than turns.
  for (const [index, at] of signed.entries()) {
    expect(index + 1).toBeLessThanOrEqual(perSecond * (Math.floor((at - began) / 1000) + 1))
  }
})

it('makes no signature for those who do not come back with the cookie', async () => {
  let time = 0
  await listen({ perAddress: 3, total: 3 }, { clock: { now: () => Date.now(), monotonic: () => time } })
  const m1 = encodeM1(await someHello())
  const strangers = await Promise.all(
    Array.from({ length: 30 }, async () => new Stranger(await connectWebSocket(gateway.url))),
  )
  await Promise.all(strangers.map((stranger) => stranger.say(m1)))
  const first = await Promise.all(strangers.map(async (stranger) => (await stranger.hear())?.[0]))
  // M2 and Retry.
  expect(first.filter((type) => type === 0x02)).toHaveLength(3)
  expect(first.filter((type) => type === 0x0a)).toHaveLength(27)
  expect(signed).toHaveLength(3)
  // An honest client beside them gets the next turn.
  time = 1000
  await connect(await Party.create(2, 'editor'), await connectWebSocket(gateway.url))
  expect(signed).toHaveLength(4)
})

it('lets who has a cookie wait for a turn, and ends the wait with alert 115', async () => {
  const clock = { now: () => Date.now(), monotonic: () => 0 }
  await listen({ perAddress: 1, total: 1 }, { timeout: 3000, clock })
  const editor = await Party.create(2, 'editor')
  await connect(editor, await connectWebSocket(gateway.url))
  const late = connect(await Party.create(3, 'editor'), await connectWebSocket(gateway.url))
  await expect(late).rejects.toMatchObject({ code: 'handshake-timeout' })
  await expect.poll(() => host.lines.at(-1)).toContain('a connection was refused')
  expect(signed).toHaveLength(1)
})

it('tells connections beyond the limit why, and has room again when others have ended', async () => {
  await listen({ halfOpen: 4 })
  const idle = await Promise.all(Array.from({ length: 4 }, () => connectWebSocket(gateway.url)))
  await expect.poll(() => Number(Reflect.get(Reflect.get(gateway, 'admission'), 'halfOpen'))).toBe(4)
  const stranger = new Stranger(await connectWebSocket(gateway.url))
  expect(await stranger.alert()).toBe(115)
  expect(await stranger.hear()).toBeUndefined()
  const editor = await Party.create(2, 'editor')
  await expect(connect(editor, await connectWebSocket(gateway.url))).rejects.toMatchObject({
    code: 'handshake-timeout',
  })
  await Promise.all(idle.map((carrier: Carrier) => carrier.close()))
  await expect.poll(() => Number(Reflect.get(Reflect.get(gateway, 'admission'), 'halfOpen'))).toBe(0)
  await connect(editor, await connectWebSocket(gateway.url))
})

it('serves as many sessions of one client and in all as it may, and tells further ones to come later', async () => {
  await listen(undefined, { sessionLimits: { perClient: 2, total: 3 } })
  const [one, other, third] = [await Party.create(2, 'a'), await Party.create(3, 'b'), await Party.create(4, 'c')]
  const come = async (party: Party) => await connect(party, await connectWebSocket(gateway.url))
  const first = await come(one)
  await come(one)
  await expect(come(one)).rejects.toMatchObject({ code: 'handshake-timeout' })
  await expect.poll(() => host.lines.at(-1)).toMatch(/a connection was refused.*as many sessions of this client/)
  await come(other)
  await expect(come(third)).rejects.toMatchObject({ code: 'handshake-timeout' })
  await expect.poll(() => host.lines.at(-1)).toMatch(/a connection was refused.*as many sessions as/)
  await first.close()
  await expect.poll(() => Reflect.get(gateway, 'sessions').all().length).toBe(2)
  await come(one)
})

it('has no more connections than its sessions and handshakes can need, whatever is said on them', async () => {
  await listen({ halfOpen: 1 }, { sessionLimits: { total: 1 } })
  const { port } = new URL(gateway.url)
  const raw = async () => {
    const socket = createConnection(Number(port), '127.0.0.1')
    const closed = once(socket, 'close')
    await once(socket, 'connect')
    return { socket, closed }
  }
  // One session, 256 that come back, and twice those that are in a handshake: who is one too many is to be told.
  const silent = await Promise.all(Array.from({ length: 1 + 256 + 2 }, raw))
  const late = await raw()
  await late.closed
  expect(silent.filter(({ socket }) => socket.destroyed)).toEqual([])
  for (const { socket } of silent) socket.destroy()
  const editor = await Party.create(2, 'editor')
  const come = async () => await connect(editor, await connectWebSocket(gateway.url)).then(() => 'there')
  await expect.poll(() => come().catch(() => 'not yet')).toBe('there')
})

it('does not limit whoever started it', async () => {
  // On stdio there is no listener and no admission: twenty handshakes, and nobody is asked for a cookie.
  await listen(undefined)
  const editor = await Party.create(2, 'editor')
  for (let count = 0; count < 20; count += 1) {
    const { client, carriers } = await join(editor, host)
    expect(carriers[0].sent).toHaveLength(2)
    await client.close()
  }
})
