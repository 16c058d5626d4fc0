import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RECORD, type RecordType } from '../../../src/session/channel/record.ts'
import { encodePing, parsePing } from '../../../src/session/contexts/messages.ts'
import { Heartbeat } from '../../../src/session/heartbeat.ts'
import type { Clock } from '../../../src/support/clock.ts'
import type { CountersignError } from '../../../src/support/errors.ts'
import { Caller, Echo, Network } from '../../fakes/network.ts'
import { Party } from '../../fakes/party.ts'

/** Time as both see it, clock and timers: a step is a second, so that no timer finds a clock that is ahead of it. */
class Time implements Clock {
  private elapsed = 0
  readonly now = (): number => 1_700_000_000_000 + this.elapsed
  readonly monotonic = (): number => this.elapsed

  pass(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.elapsed += 1_000
      vi.advanceTimersByTime(1_000)
    }
  }

  /** As a machine that sleeps: the clock goes on, no timer does. */
  sleep(seconds: number): void {
    this.elapsed += seconds * 1_000
  }
}

let time: Time
let heartbeat: Heartbeat
let busy: boolean
/** Seconds at which a record was sent. */
let pings: number[]
let pongs: number[]
let lost: CountersignError[]
/** Whether the carrier takes what is sent. */
let takes: boolean

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  time = new Time()
  busy = false
  takes = true
  pings = []
  pongs = []
  lost = []
  heartbeat = new Heartbeat({
    clock: time,
    send: (type: RecordType, payload) => {
      if (type === RECORD.Ping) pings.push(time.monotonic() / 1_000)
      else pongs.push(parsePing(payload))
      return takes ? Promise.resolve() : new Promise(() => {})
    },
    lost: (error) => void lost.push(error),
    busy: () => busy,
  })
  heartbeat.start()
})

afterEach(() => {
  vi.useRealTimers()
})

/** The other end answers the last Ping. */
function pong(number = pings.length): void {
  heartbeat.heard()
  expect(heartbeat.onRecord(RECORD.Pong, encodePing(number))).toBe(true)
}

/** Time in which the other end answers each Ping within the second. */
function alive(seconds: number): void {
  for (let second = 0; second < seconds; second += 1) {
    time.pass(1)
    if (pings.at(-1) === time.monotonic() / 1_000) pong()
  }
}

describe('a peer that is gone without a word', () => {
  it('is asked after 30 s of silence, and missed after 30 s more', () => {
    heartbeat.traffic()
    time.pass(29)
    expect(pings).toEqual([])
    time.pass(1)
    expect(pings).toEqual([30])
    time.pass(29)
    expect(lost).toEqual([])
    time.pass(1)
    expect(lost).toMatchObject([{ code: 'session-closed', message: 'The other end no longer answers.' }])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not missed while any record comes: it need not be the Pong', () => {
    heartbeat.traffic()
    for (let round = 0; round < 9; round += 1) {
      time.pass(30)
      expect(pings).toHaveLength(round + 1)
      time.pass(25)
      heartbeat.heard()
      time.pass(5)
      // The tick that finds it alive only now begins to count its silence.
      expect(lost).toEqual([])
      heartbeat.traffic()
      heartbeat.heard()
    }
  })

  it('is not missed because this machine slept: first what came meanwhile is heard', () => {
    heartbeat.traffic()
    time.pass(30)
    expect(pings).toEqual([30])
    time.pass(10)
    time.sleep(8 * 3600)
    // One tick was due when it woke: not the end, whatever the clock says.
    time.pass(5)
    expect(lost).toEqual([])
    pong()
    time.pass(5)
    expect(lost).toEqual([])
  })
})

describe('a connection that nobody uses', () => {
  it('sends nothing after 5 minutes, and has no timer that could', () => {
    heartbeat.traffic()
    alive(360)
    const sent = pings.length
    expect(sent).toBeGreaterThan(5)
    expect(pings.every((at) => at <= 300)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    time.pass(24 * 3600)
    expect(pings).toHaveLength(sent)
    expect(lost).toEqual([])
  })

  it('asks with the first record after a long silence, and waits 10 s: a laptop that wakes finds out in seconds', () => {
    alive(3600)
    const before = pings.length
    expect(vi.getTimerCount()).toBe(0)
    heartbeat.heard()
    time.pass(59)
    heartbeat.traffic()
    // Not after a minute less a second: whoever was heard so lately is there.
    expect(pings).toHaveLength(before)
    time.pass(1)
    heartbeat.traffic()
    expect(pings).toHaveLength(before + 1)
    heartbeat.traffic()
    expect(pings).toHaveLength(before + 1)
    time.pass(9)
    expect(lost).toEqual([])
    time.pass(1)
    expect(lost).toMatchObject([{ code: 'session-closed' }])
  })

  it('and is used again goes on as before when the answer comes', () => {
    heartbeat.traffic()
    alive(3600)
    const before = pings.length
    heartbeat.traffic()
    expect(pings).toHaveLength(before + 1)
    time.pass(5)
    pong()
    time.pass(35)
    expect(lost).toEqual([])
    // The silence since the answer is 30 s: the ordinary heartbeat asks.
    expect(pings).toHaveLength(before + 2)
  })
})

it('a call that takes hours keeps it going, at a tenth of the pace', () => {
  busy = true
  heartbeat.traffic()
  alive(3600)
  const slow = pings.filter((at) => at > 300)
  expect(slow.length).toBeGreaterThan(9)
  expect(slow.length).toBeLessThan(13)
  for (const [index, at] of slow.slice(1).entries()) expect(at - (slow[index] ?? 0)).toBeGreaterThanOrEqual(300)
  // And the peer of such a call that is gone is missed after one pace and 30 s.
  const last = slow.at(-1) ?? 0
  time.pass(last + 300 + 30 - time.monotonic() / 1_000)
  expect(lost).toHaveLength(1)
  busy = false
})

describe('a Pong', () => {
  it('without its Ping is refused', () => {
    const refused = (value: number) =>
      expect(() => heartbeat.onRecord(RECORD.Pong, encodePing(value))).toThrow(expect.objectContaining({ alert: 10 }))
    refused(0)
    refused(1)
    time.pass(30)
    expect(pings).toHaveLength(1)
    refused(2)
    pong(1)
    refused(1)
  })

  it('that comes when the next Ping is out already is one all the same', () => {
    heartbeat.traffic()
    time.pass(30)
    expect(pings).toHaveLength(1)
    // A peer that is held up in reading and not in writing: its records come, its Pong does not.
    heartbeat.heard()
    time.pass(35)
    expect(pings).toHaveLength(2)
    pong(1)
    pong(2)
    expect(() => heartbeat.onRecord(RECORD.Pong, encodePing(1))).toThrow(expect.objectContaining({ alert: 10 }))
  })

  it('goes out for each Ping, 16 at most that the carrier has not taken', async () => {
    for (let number = 1; number <= 40; number += 1) {
      expect(heartbeat.onRecord(RECORD.Ping, encodePing(number))).toBe(true)
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
    expect(pongs).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    takes = false
    for (let number = 1; number <= 16; number += 1) heartbeat.onRecord(RECORD.Ping, encodePing(number))
    expect(() => heartbeat.onRecord(RECORD.Ping, encodePing(17))).toThrow(expect.objectContaining({ alert: 115 }))
    expect(pongs).toHaveLength(56)
  })
})

it('leaves no timer behind when the connection ends', () => {
  heartbeat.traffic()
  expect(vi.getTimerCount()).toBe(1)
  heartbeat.stop()
  expect(vi.getTimerCount()).toBe(0)
  heartbeat.traffic()
  expect(vi.getTimerCount()).toBe(0)
})

it('brings a session over to another connection when the network swallows everything, and the call is answered once', async () => {
  vi.useRealTimers()
  // Real timers, and a clock that jumps: the first record after it is the one that asks, with ten seconds to answer.
  let jump = 0
  const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() + jump }
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [network, echo] = [new Network(host), new Echo()]
  network.onSession = echo.serve
  const session = await network.connect(editor, { clock })
  const caller = new Caller(session)
  expect(await caller.call('1')).toBe('answered')
  for (const end of network.carriers[0] ?? []) end.tamper = () => []
  // What is still on its way arrives before the silence begins.
  await new Promise((resolve) => setTimeout(resolve, 100))
  jump = 61_000
  const started = performance.now()
  expect(await caller.call('2')).toBe('answered')
  expect(performance.now() - started).toBeGreaterThan(9_500)
  expect(editor.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'resumed'])
  expect(echo.asked).toEqual(
    new Map([
      ['1', 1],
      ['2', 1],
    ]),
  )
  await session.close()
})
