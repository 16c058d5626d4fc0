import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keysKnownHere } from '../../../src/extension/evidence/knownHere.ts'
import { systemClock as clock } from '../../../src/support/clock.ts'
import { GatewayPins } from '../../../src/trust/gatewayPins.ts'
import { KeyRing } from '../../../src/trust/keyRing.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'

const ADDRESS = 'wss://gw.example'
let folder: string
let ring: KeyRing
let pins: GatewayPins
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-known-'))
  ring = new KeyRing(folder, clock)
  pins = new GatewayPins(folder, clock)
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function own(seed: number, label: string) {
  const { kid, algorithm, publicKey } = await SeedSigner.create(seed)
  return { kid, algorithm, publicKey, label, place: '"vault"', custody: 'software' } as const
}

const gateway = (pin: string) =>
  ({ name: 'desk', route: { kind: 'websocket', url: ADDRESS }, pin, servers: [] }) as const
const known = (...gateways: ReturnType<typeof gateway>[]) => keysKnownHere({ ring, pins, gateways: () => gateways })
const accept = (kid: string) =>
  pins.trust(ADDRESS, { kind: 'first-use', ask: async () => true }).checkGateway({ kid, name: 'desk', custody: 'hsm' })
const writePins = (...peers: object[]) =>
  writeFileSync(join(folder, 'gateways.json'), JSON.stringify({ v: 1, peers }), { mode: 0o600 })

describe('the keys that this editor knows', () => {
  it('are none at first', async () => {
    expect((await known(gateway('first-use'))).size).toBe(0)
  })

  it('are its own, each in the time in which it counted', async () => {
    const [first, planned] = [await own(1, 'first'), await own(2, 'next')]
    await ring.activate(first, 1_000)
    await ring.plan(planned)
    await ring.revoke(first.kid)
    const keys = await known()
    expect(keys.get(first.kid)).toMatchObject({ whose: 'your key first', window: { from: 1_000 } })
    expect(keys.get(first.kid)?.window.revoked).toBeGreaterThan(1_000)
    const { from = 0, until } = keys.get(planned.kid)?.window ?? {}
    expect(until).toBe(from)
  })

  it('are those of gateways that were pinned, by hand or on first use', async () => {
    const [met, typed] = [await own(3, ''), await own(4, '')]
    await accept(met.kid)
    const keys = await known(gateway(typed.kid), gateway('first-use'))
    expect([...keys]).toEqual([
      [met.kid, { whose: `gateway ${ADDRESS}`, window: {} }],
      [typed.kid, { whose: 'gateway desk', window: {} }],
    ])
  })

  it('count in the narrower time where a key is known twice', async () => {
    const both = await own(5, 'both')
    await ring.activate(both, 5_000)
    const keys = await known(gateway(both.kid))
    expect(keys.get(both.kid)).toEqual({ whose: 'your key both', window: { from: 5_000 } })
    writePins({ kid: both.kid, name: 'desk', since: '2026-01-02T00:00:00.000Z', address: ADDRESS, from: 7_000 })
    expect((await known()).get(both.kid)?.window).toEqual({ from: 7_000 })
  })

  it('count until another key followed', async () => {
    const [old, now] = [await own(6, ''), await own(7, '')]
    const since = '2026-01-02T00:00:00.000Z'
    const until = '2026-06-02T00:00:00.000Z'
    const pin = { kid: now.kid, name: 'desk', since: until, address: ADDRESS, from: Date.parse(until) }
    writePins({ ...pin, before: [{ kid: old.kid, since, until }] })
    const keys = await known()
    expect(keys.get(now.kid)?.window).toEqual({ from: Date.parse(until) })
    expect(keys.get(old.kid)).toEqual({
      whose: `gateway ${ADDRESS}, its former key`,
      window: { until: Date.parse(until) },
    })
  })

  it.each(['keys.json', 'gateways.json'])('are not said to be none when %s cannot be read', async (name) => {
    writeFileSync(join(folder, name), '{', { mode: 0o600 })
    await expect(known()).rejects.toMatchObject({ code: 'file-unreadable' })
  })
})
