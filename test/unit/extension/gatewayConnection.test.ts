import { describe, expect, it } from 'vitest'
import type { GatewaySetting } from '../../../src/contracts/settings.ts'
import { GatewayConnection, type Link } from '../../../src/extension/sessions/gatewayConnection.ts'
import type { Interruption } from '../../../src/extension/sessions/interruption.ts'
import { Emitter } from '../../../src/support/emitter.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const setting: GatewaySetting = {
  name: 'desk',
  route: { kind: 'websocket', url: 'ws://127.0.0.1:1' },
  pin: 'first-use',
  servers: ['files'],
}

class FakeLink implements Link {
  ended = false
  private readonly interruptions = new Emitter<Interruption | undefined>()
  readonly onInterrupted = this.interruptions.event
  interrupt(interruption: Interruption | undefined): void {
    this.interruptions.fire(interruption)
  }
  private end: (reason: CountersignError | undefined) => void = () => {}
  readonly closed = new Promise<CountersignError | undefined>((resolve) => {
    this.end = resolve
  })
  async close(): Promise<void> {
    this.ended = true
    this.end(undefined)
  }
  lose(reason: CountersignError): void {
    this.end(reason)
  }
}

function harness(outcomes: (FakeLink | CountersignError)[]) {
  let now = 0
  const slept: number[] = []
  const states: string[] = []
  let hold: Promise<void> = Promise.resolve()
  let rest: Promise<void> = Promise.resolve()
  const connection = new GatewayConnection<FakeLink>(setting, {
    attempt: async (_setting, signal) => {
      await hold
      if (signal.aborted) throw new CountersignError('cancelled', 'aborted')
      const outcome = outcomes.shift() ?? new CountersignError('gateway-unreachable', 'away')
      if (outcome instanceof CountersignError) throw outcome
      return outcome
    },
    clock: { now: () => now, monotonic: () => now },
    random: () => 0.5,
    sleep: async (ms, signal) => {
      slept.push(ms)
      now += ms
      await Promise.race([rest, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))])
      if (signal.aborted) throw new CountersignError('cancelled', 'aborted')
    },
  })
  connection.onChange((state) => states.push(state.kind))
  return {
    connection,
    slept,
    states,
    holdUntil: (promise: Promise<void>): void => {
      hold = promise
    },
    restUntil: (promise: Promise<void>): void => {
      rest = promise
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const away = () => new CountersignError('gateway-unreachable', 'away')

describe('a connection to a gateway', () => {
  it('does nothing until somebody needs it, and then serves all callers with one attempt', async () => {
    const link = new FakeLink()
    const { connection, states } = harness([link])
    expect(states).toEqual([])
    const both = await Promise.all([connection.get({ patient: true }), connection.get({ patient: false })])
    expect(both).toEqual([link, link])
    expect(states).toEqual(['connecting', 'ready'])
  })

  it('tells a person the first failure at once', async () => {
    const { connection, states, slept } = harness([away()])
    await expect(connection.get({ patient: false })).rejects.toMatchObject({ code: 'gateway-unreachable' })
    expect(states).toEqual(['connecting', 'failed'])
    expect(slept).toEqual([])
  })

  it('tells a person the first failure also while a call waits, and goes on for the call', async () => {
    const link = new FakeLink()
    const { connection, restUntil, states } = harness([away(), away(), link])
    restUntil(new Promise(() => {}))
    const call = connection.get({ patient: true })
    await until(() => states.at(-1) === 'reconnecting')
    // A person does not wait for the end of the pause either.
    const person = connection.get({ patient: false, asked: true })
    await expect(person).rejects.toMatchObject({ code: 'gateway-unreachable' })
    expect(states).toEqual(['connecting', 'reconnecting', 'reconnecting'])
    const again = connection.get({ patient: false, asked: true })
    expect(await Promise.all([call, again])).toEqual([link, link])
  })

  it('does not try again when only a person is left', async () => {
    const { connection, holdUntil, slept, states } = harness([away(), away()])
    let go = (): void => {}
    holdUntil(new Promise((resolve) => (go = resolve)))
    const agent = new AbortController()
    const call = connection.get({ patient: true, signal: agent.signal })
    const person = connection.get({ patient: false, asked: true })
    agent.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    go()
    await expect(person).rejects.toMatchObject({ code: 'gateway-unreachable' })
    expect(states).toEqual(['connecting', 'failed'])
    expect(slept).toEqual([])
  })

  it('ends the pause of an attempt that nobody waits for any more', async () => {
    const { connection, restUntil, states } = harness([away()])
    restUntil(new Promise(() => {}))
    const agent = new AbortController()
    const call = connection.get({ patient: true, signal: agent.signal })
    await until(() => states.at(-1) === 'reconnecting')
    agent.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(states).toEqual(['connecting', 'reconnecting', 'closed'])
  })

  it('waits longer and longer for a call, then gives up', async () => {
    const { connection, states, slept } = harness([])
    await expect(connection.get({ patient: true })).rejects.toMatchObject({ code: 'gateway-unreachable' })
    expect(slept.slice(0, 4)).toEqual([300, 600, 1200, 2400])
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(25_000)
    expect(states.at(-1)).toBe('failed')
    expect(states).toContain('reconnecting')
  })

  it('connects again for the next call after the session was lost', async () => {
    const [first, second] = [new FakeLink(), new FakeLink()]
    const { connection, states } = harness([first, away(), second])
    await connection.get({ patient: true })
    first.lose(new CountersignError('session-closed', 'gone'))
    await first.closed
    expect(connection.state.kind).toBe('failed')
    expect(await connection.get({ patient: true })).toBe(second)
    expect(states).toEqual(['connecting', 'ready', 'failed', 'connecting', 'reconnecting', 'ready'])
  })

  it.each(['peer-unknown', 'session-refused', 'pin-wrong', 'config-invalid'] as const)(
    'does not try again after %s',
    async (code) => {
      const { connection, slept } = harness([new CountersignError(code, 'no')])
      await expect(connection.get({ patient: true })).rejects.toMatchObject({ code })
      expect(connection.state.kind).toBe('failed')
      expect(slept).toEqual([])
    },
  )

  it('is blocked by a changed key', async () => {
    const { connection } = harness([new CountersignError('peer-changed', 'changed')])
    await expect(connection.get({ patient: true })).rejects.toMatchObject({ code: 'peer-changed' })
    expect(connection.state.kind).toBe('blocked')
  })

  it('releases a caller that gives up and keeps the attempt for the others', async () => {
    const link = new FakeLink()
    const { connection, holdUntil } = harness([link])
    let go = (): void => {}
    holdUntil(new Promise((resolve) => (go = resolve)))
    const person = new AbortController()
    const impatient = connection.get({ patient: false, signal: person.signal })
    const call = connection.get({ patient: true })
    person.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'cancelled' })
    go()
    expect(await call).toBe(link)
  })

  it('ends the attempt with its last caller, and closes a link that came too late', async () => {
    const link = new FakeLink()
    const { connection, holdUntil, states } = harness([link])
    let go = (): void => {}
    holdUntil(new Promise((resolve) => (go = resolve)))
    const person = new AbortController()
    const only = connection.get({ patient: false, signal: person.signal })
    await Promise.resolve()
    person.abort()
    await expect(only).rejects.toMatchObject({ code: 'cancelled' })
    expect(connection.state.kind).toBe('closed')
    go()
    await new Promise((resolve) => setImmediate(resolve))
    expect(connection.ready).toBeUndefined()
    expect(states.at(-1)).toBe('closed')
  })

  it('closes the session when asked, and refuses everything after disposal', async () => {
    const link = new FakeLink()
    const { connection } = harness([link])
    await connection.get({ patient: true })
    await connection.close()
    expect(link.ended).toBe(true)
    expect(connection.state.kind).toBe('closed')
    connection.dispose()
    await expect(connection.get({ patient: true })).rejects.toMatchObject({ code: 'session-closed' })
  })

  it('stays closed for agents after a person disconnected, until a person connects', async () => {
    const [first, second] = [new FakeLink(), new FakeLink()]
    const { connection, states } = harness([first, second])
    await connection.get({ patient: true })
    await connection.close({ held: true })
    await expect(connection.get({ patient: true })).rejects.toMatchObject({ code: 'session-closed' })
    expect(states.at(-1)).toBe('closed')
    await expect(connection.get({ patient: false })).rejects.toMatchObject({ code: 'session-closed' })
    expect(await connection.get({ patient: false, asked: true })).toBe(second)
    await connection.close()
    await expect(connection.get({ patient: true })).rejects.toMatchObject({ code: 'gateway-unreachable' })
  })

  it('shows a session that lost its connection as reconnecting, and keeps handing it out: its calls wait in it', async () => {
    const link = new FakeLink()
    const { connection, states } = harness([link])
    await connection.get({ patient: true })
    link.interrupt({ since: 1, next: 5, error: away() })
    expect(connection.state).toMatchObject({ kind: 'reconnecting', since: 1, next: 5 })
    expect(await connection.get({ patient: true })).toBe(link)
    link.interrupt(undefined)
    expect(states).toEqual(['connecting', 'ready', 'reconnecting', 'ready'])
  })

  it('opens a new session where the gateway came back without the old one', async () => {
    const [first, second] = [new FakeLink(), new FakeLink()]
    const { connection, states } = harness([first, second])
    await connection.get({ patient: true })
    first.interrupt({ since: 1, next: 5, error: away() })
    first.lose(new CountersignError('session-lost', 'restarted'))
    await expect.poll(() => connection.ready).toBe(second)
    expect(states).toEqual(['connecting', 'ready', 'reconnecting', 'failed', 'connecting', 'ready'])
  })
})
