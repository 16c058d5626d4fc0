import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsableSigner } from '../../../src/cli/usableSigner.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { isWithin } from '../../../src/evidence/keyWindow.ts'
import { parseRing } from '../../../src/evidence/trustedKeys.ts'
import {
  assertUsable,
  exportRing,
  KeyRing,
  lifeState,
  type LifeState,
  type OwnKey,
  windowOf,
} from '../../../src/trust/keyRing.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'

let folder: string
let now: number
let ring: KeyRing
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-ring-'))
  now = 1_000_000
  ring = new KeyRing(folder, { now: () => now, monotonic: () => now })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function key(fill: number): OwnKey {
  const publicKey = new Uint8Array(2592).fill(fill)
  const kid = thumbprint('ML-DSA-87', publicKey)
  return { kid, algorithm: 'ML-DSA-87', publicKey, label: `key ${fill}`, place: 'vault', custody: 'software' }
}

async function stateOf(own: OwnKey): Promise<LifeState> {
  const life = await ring.find(own.kid)
  if (life === undefined) throw new Error('the key is not in the ring')
  return lifeState(life, now)
}

describe('a ring that several windows share', () => {
  const windows = () => Array.from({ length: 8 }, () => new KeyRing(folder, { now: () => now, monotonic: () => now }))

  it('loses nothing of what they write at the same time', async () => {
    await ring.adopt(key(1))
    const [first, ...others] = windows()
    await Promise.all([first?.revoke(key(1).kid), ...others.map((other, n) => other.adopt(key(n + 2)))])
    expect(await ring.list()).toHaveLength(8)
    expect(await stateOf(key(1))).toBe('revoked')
    expect(readdirSync(folder)).toEqual(['keys.json'])
  })

  it('is written again after one of them was killed while it wrote, and waits for one that is at work', async () => {
    const lock = join(folder, 'keys.json.writing')
    writeFileSync(lock, '')
    const long = new Date(Date.now() - 60_000)
    utimesSync(lock, long, long)
    await Promise.all(windows().map((window, n) => window.adopt(key(n + 1))))
    expect(await ring.list()).toHaveLength(8)
    writeFileSync(lock, '')
    let written = false
    const waiting = ring.adopt(key(9)).then(() => (written = true))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(written).toBe(false)
    rmSync(lock)
    await waiting
    expect(readdirSync(folder)).toEqual(['keys.json'])
  })
})

describe('the life of a key', () => {
  it('goes from planned to retired, and each state lasts as long as it says', async () => {
    const [one, two] = [key(1), key(2)]
    await ring.plan(one)
    expect(await stateOf(one)).toBe('planned')
    now += 10
    await ring.activate(one.kid)
    expect(await stateOf(one)).toBe('active')
    await ring.plan(two)
    now += 10
    await ring.beginRetiring(one.kid, { until: now + 5, successor: two.kid, transition: '{}' })
    expect(await stateOf(one)).toBe('retiring')
    now += 4
    expect(await stateOf(one)).toBe('retiring')
    now += 1
    expect(await stateOf(one)).toBe('retired')
    expect(windowOf((await ring.find(one.kid)) ?? {})).toEqual({ from: 1_000_010, until: 1_000_025 })
    await expect(ring.activate(one.kid)).rejects.toMatchObject({ code: 'key-retired' })
  })

  it('is not handed to what is no key: the file would never be read again', async () => {
    const one = key(1)
    await ring.activate(one)
    const retirement = { until: now + 5, successor: 'key 2', transition: '{}' }
    await expect(ring.beginRetiring(one.kid, retirement)).rejects.toMatchObject({ code: 'usage' })
    expect(await stateOf(one)).toBe('active')
  })

  it('is over for ever when the key was revoked, whatever the clock says later', async () => {
    await ring.activate(key(1))
    await ring.revoke(key(1).kid)
    now -= 500
    expect(await stateOf(key(1))).toBe('revoked')
    await expect(ring.retire(key(1).kid)).rejects.toMatchObject({ code: 'key-revoked' })
    await expect(ring.forget(key(1).kid)).rejects.toMatchObject({ code: 'key-exists' })
  })

  it('ends no later for being ended twice', async () => {
    await ring.adopt(key(1))
    await ring.retire(key(1).kid)
    now += 50
    await ring.retire(key(1).kid)
    await ring.revoke(key(1).kid)
    now += 50
    await ring.revoke(key(1).kid)
    expect(await ring.find(key(1).kid)).toMatchObject({ retired: 1_000_000, revoked: 1_000_050 })
  })

  it('without dates has no beginning, and planned has an empty window', async () => {
    await ring.adopt(key(1))
    await ring.plan(key(2))
    const [adopted, planned] = await ring.list()
    expect([windowOf(adopted ?? {}), await stateOf(key(1))]).toEqual([{}, 'active'])
    for (const at of [now - 1, now, now + 1]) expect(isWithin(windowOf(planned ?? {}), at)).toBe(false)
    await ring.forget(key(2).kid)
    expect((await ring.list()).length).toBe(1)
  })

  it('decides who may sign', async () => {
    expect(() => assertUsable(undefined, now)).not.toThrow()
    await ring.plan(key(1))
    const codes: unknown[] = []
    const ask = async (): Promise<void> => {
      try {
        assertUsable(await ring.find(key(1).kid), now)
        codes.push('ok')
      } catch (thrown) {
        codes.push(Reflect.get(Object(thrown), 'code'))
      }
    }
    await ask()
    await ring.activate(key(1).kid)
    await ask()
    await ring.beginRetiring(key(1).kid, { until: now + 1, successor: key(2).kid, transition: '{}' })
    await ask()
    now += 1
    await ask()
    await ring.revoke(key(1).kid)
    await ask()
    expect(codes).toEqual(['key-planned', 'ok', 'ok', 'key-retired', 'key-revoked'])
  })
})

describe('a signer of the command line', () => {
  it('signs nothing more ten seconds after its key was ended by another process, and right away when its time is over', async () => {
    const key = await SeedSigner.create(1)
    const input = { kind: 'transition', from: key, to: await SeedSigner.create(2), at: 1 } as const
    const clock = { now: () => now, monotonic: () => now }
    const signer = new UsableSigner(key, new KeyRing(folder, clock), clock)
    expect((await signer.sign(input)).length).toBe(4627)
    const { kid, algorithm, publicKey } = key
    await ring.adopt({ kid, algorithm, publicKey, label: 'own', place: 'here', custody: 'software' })
    await ring.beginRetiring(key.kid, { until: now + 12_000, successor: 'x'.repeat(42) + 'A', transition: '{}' })
    now += 10_000
    await signer.sign(input)
    now += 2_000
    await expect(signer.sign(input)).rejects.toMatchObject({ code: 'key-retired' })
    await ring.revoke(key.kid)
    now += 8_000
    await expect(signer.sign(input)).rejects.toMatchObject({ code: 'key-revoked' })
    expect(key.inputs.length).toBe(2)
  })
})

describe('the file of the ring', () => {
  it('says when it changed, and keeps what it was told', async () => {
    let changes = 0
    const listening = ring.onChange(() => changes++)
    await ring.activate(key(1))
    await ring.beginRetiring(key(1).kid, { until: now + 5, successor: key(2).kid, transition: '{"v":1}' })
    listening.dispose()
    await ring.adopt(key(3))
    expect(changes).toBe(2)
    const again = new KeyRing(folder, { now: () => now, monotonic: () => now })
    expect(await again.list()).toEqual(await ring.list())
    expect((await again.find(key(1).kid))?.transition).toBe('{"v":1}')
  })

  it('is an error where the key is not the one of its kid, a key comes twice or a member is not known', async () => {
    await ring.activate(key(1))
    const path = join(folder, 'keys.json')
    const good = readFileSync(path, 'utf8')
    const other = await new KeyRing(folder, { now: () => now, monotonic: () => now }).list()
    expect(other.length).toBe(1)
    const document: { keys: object[] } = JSON.parse(good)
    const BAD = [
      good.replace(key(1).kid, key(2).kid),
      good.replace('"active"', '"activ"'),
      JSON.stringify({ v: 1, keys: [...document.keys, ...document.keys] }),
      '',
    ]
    for (const text of BAD) {
      writeFileSync(path, text)
      await expect(ring.list(), text.slice(0, 40)).rejects.toMatchObject({ code: 'file-unreadable' })
    }
  })

  it('is given to others without places and labels, and without keys that never counted', async () => {
    await ring.activate(key(1))
    now += 5
    await ring.revoke(key(1).kid)
    await ring.plan(key(2))
    const exported = exportRing(await ring.list())
    expect(Object.fromEntries(parseRing(exported))).toEqual({
      [key(1).kid]: { from: 1_000_000, until: 1_000_005, revoked: 1_000_005 },
    })
    expect(Buffer.from(exported).toString()).not.toContain('vault')
  })
})
