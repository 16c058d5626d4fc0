import { beforeEach, describe, expect, it, vi } from 'vitest'
import type * as Suite from '../../../src/crypto/suite.ts'
import { queueFull } from '../../../src/keys/signingQueue.ts'
import { RECORD } from '../../../src/session/channel/record.ts'
import { REKEY_POLICY, type RekeyPolicy } from '../../../src/session/rekey/epochUse.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { Caller, chainOf, Echo, Network } from '../../fakes/network.ts'
import { Party } from '../../fakes/party.ts'

/** Private keys of handshakes and rekeys that were made and not wiped. */
const keys = vi.hoisted(() => ({ open: 0 }))

vi.mock('../../../src/crypto/suite.ts', async (original) => {
  const real = await original<typeof Suite>()
  const generateHybridKey: typeof real.generateHybridKey = async (suite) => {
    const key = await real.generateHybridKey(suite)
    keys.open += 1
    const wipe = (): void => {
      keys.open -= 1
      key.wipe()
    }
    return { ...key, wipe }
  }
  return { ...real, generateHybridKey }
})

const policy = (changes: Partial<RekeyPolicy>): RekeyPolicy => ({ ...REKEY_POLICY, spacing: 0, ...changes })

let editor: Party
let host: Party
let echo: Echo

beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
  echo = new Echo()
})

/** A network whose two ends have these policies. */
async function open(client: RekeyPolicy, gateway: RekeyPolicy = policy({}), clock = systemClock) {
  const network = new Network(host, { rekey: gateway, clock })
  network.onSession = echo.serve
  const session = await network.connect(editor, { rekey: client, clock })
  return { network, session, caller: new Caller(session) }
}

describe('a rekey', () => {
  it('goes on while 64 calls are in flight, and loses none', async () => {
    const { session, caller } = await open(policy({ contexts: 40 }))
    for (let round = 0; round < 6; round++) {
      const calls = Array.from({ length: 64 }, (_, index) => caller.call(`${round * 64 + index}`, index * 7000))
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['answered']))
    }
    expect(editor.epochs.length).toBeGreaterThan(3)
    expect(editor.epochs.map(({ epoch }) => epoch)).toEqual(editor.epochs.map((_, index) => index + 1))
    expect(editor.epochs.map(({ cause }) => cause)).toEqual(editor.epochs.map(() => 'contexts'))
    expect([...echo.asked.values()].every((times) => times === 1)).toBe(true)
    expect(echo.asked.size).toBe(384)
    await session.close()
    expect(host.epochs.map(({ epoch }) => epoch)).toEqual(editor.epochs.map(({ epoch }) => epoch))
    expect(chainOf(host.journal, 'received')).toEqual(chainOf(editor.journal, 'sent'))
    expect([...editor.rejections, ...host.rejections]).toEqual([])
  })

  it('comes after the bytes of an epoch', async () => {
    const { caller } = await open(policy({ bytes: 500_000 }))
    for (let id = 0; id < 8; id++) expect(await caller.call(`${id}`, 200_000)).toBe('answered')
    await expect.poll(() => editor.epochs.length).toBeGreaterThan(1)
    expect(editor.epochs[0]?.cause).toBe('bytes')
  })

  it('comes after ten minutes, with traffic and not without: an idle session signs nothing', async () => {
    let late = 0
    const clock = { now: () => Date.now(), monotonic: () => systemClock.monotonic() + late }
    const { caller } = await open(policy({}), policy({}), clock)
    expect(await caller.call('1')).toBe('answered')
    const signed = [editor.signer.inputs.length, host.signer.inputs.length]
    late = 3_600_000
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([editor.signer.inputs.length, host.signer.inputs.length]).toEqual(signed)
    expect(editor.epochs).toEqual([])
    expect(await caller.call('2')).toBe('answered')
    await expect.poll(() => editor.epochs.map(({ cause }) => cause)).toEqual(['time'])
    expect(await caller.call('3')).toBe('answered')
  })

  it('that does not come is asked for by the gateway, which ends the connection; the session goes on with fresh keys', async () => {
    let late = 0
    const clock = { now: () => Date.now(), monotonic: () => systemClock.monotonic() + late }
    const { session, caller, network } = await open(policy({ age: 2 ** 40 }), policy({}), clock)
    expect(await caller.call('1')).toBe('answered')
    late = 11 * 60_000
    expect(await caller.call('2')).toBe('answered')
    late += 61_000
    expect(await caller.call('3')).toBe('answered')
    expect(editor.connections.map(({ kind }) => kind)).toEqual(['lost', 'waiting', 'resumed'])
    expect(editor.connections[0]).toMatchObject({ error: { message: expect.stringContaining('used up its keys') } })
    expect(network.carriers).toHaveLength(2)
    expect(echo.asked).toEqual(
      new Map([
        ['1', 1],
        ['2', 1],
        ['3', 1],
      ]),
    )
    await session.close()
  })

  it('that is too soon ends the session', async () => {
    const { session } = await open(policy({ contexts: 1 }), policy({ spacing: 60_000 }))
    await new Caller(session).call('1')
    expect(await session.closed).toMatchObject({ code: 'limit' })
  })

  it('whose answer does not come before the connection is lost leaves no private key behind', async () => {
    const { caller, network } = await open(policy({ contexts: 2 }))
    let asked = false
    const gateway = network.carriers[0]?.[1]
    if (gateway === undefined) throw new Error('no connection')
    gateway.tamper = (frame) => {
      asked ||= frame[0] === RECORD.RekeyAck
      return asked ? [] : [frame]
    }
    const calls = [caller.call('1'), caller.call('2')]
    await expect.poll(() => asked).toBe(true)
    expect(keys.open).toBe(1)
    network.cut()
    expect(await Promise.all(calls)).toEqual(['answered', 'answered'])
    await expect.poll(() => keys.open).toBe(0)
  })

  it('survives a key that fails once, and a key that fails twice costs a connection and no call', async () => {
    let failing = 0
    host.signer.before = (input) => {
      if (input.kind !== 'rekey' || failing === 0) return
      failing -= 1
      throw new Error('the key process died')
    }
    const { caller } = await open(policy({ contexts: 5 }))
    failing = 1
    for (let id = 0; id < 6; id++) expect(await caller.call(`${id}`)).toBe('answered')
    await expect.poll(() => editor.epochs.length).toBeGreaterThan(0)
    expect(editor.connections).toEqual([])
    failing = 2
    for (let id = 6; id < 30; id++) expect(await caller.call(`${id}`)).toBe('answered')
    expect(editor.connections.map(({ kind }) => kind)).toContain('resumed')
    expect([...echo.asked.values()].every((times) => times === 1)).toBe(true)
  })

  it('that finds the queue of the key full costs a connection and no session', async () => {
    const sign = host.batches.sign.bind(host.batches)
    let full = 2
    host.batches.sign = async (input, signal) => {
      if (input.kind !== 'rekey' || full === 0) return await sign(input, signal)
      full -= 1
      throw queueFull()
    }
    const { session, caller } = await open(policy({ contexts: 5 }))
    for (let id = 0; id < 20; id++) expect(await caller.call(`${id}`)).toBe('answered')
    expect(full).toBe(0)
    expect(editor.connections.map(({ kind }) => kind)).toContain('resumed')
    await session.close()
  })
})
