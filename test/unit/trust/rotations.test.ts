import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readTransition } from '../../../src/evidence/transition.ts'
import { type ClientPolicy, ClientRegistry } from '../../../src/trust/clientRegistry.ts'
import { type FirstUse, GatewayPins } from '../../../src/trust/gatewayPins.ts'
import { type RotationPolicy, Rotations } from '../../../src/trust/rotations.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { documentOf } from '../../fakes/transition.ts'

const HERE = { address: '127.0.0.1', loopback: true }
const ELSEWHERE = { address: '192.0.2.1', loopback: false }
const GRACE = 1000
const START = 1_790_000_000_000

let folder: string
let now: number
let [a, b, c, d]: readonly SeedSigner[] = []
const clock = { now: () => now, monotonic: () => now }
const silent = { log: () => {} }
const peer = ({ kid }: SeedSigner) => ({ kid, name: 'editor', custody: 'software' as const })

beforeAll(async () => {
  ;[a, b, c, d] = await Promise.all([1, 2, 3, 4].map((seed) => SeedSigner.create(seed, 'ML-DSA-65')))
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-rotations-'))
  now = START
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function keys(): readonly [SeedSigner, SeedSigner, SeedSigner, SeedSigner] {
  if (a === undefined || b === undefined || c === undefined || d === undefined)
    throw new Error('the keys are not made yet')
  return [a, b, c, d]
}
const policy = (rotation: RotationPolicy['rotation']): RotationPolicy => ({ rotation, grace: GRACE })
const registry = (clients: ClientPolicy, rotation: RotationPolicy['rotation'] = 'confirm') =>
  new ClientRegistry(folder, clients, clock, silent, policy(rotation))
/** What `countersign trust` works with: another process over the same folder. */
const operator = () => new Rotations(folder, policy('confirm'), clock, silent)
const listed = (signer: SeedSigner, more: object = {}) => [{ kid: signer.kid, name: 'editor', ...more }]

describe('a client that rotates', () => {
  it('waits for the operator, then is served by its new key, and by the old one for the grace', async () => {
    const [old, next] = keys()
    const gateway = registry(listed(old))
    const document = await documentOf(old, next, now)
    expect(await gateway.receiveTransition(document, peer(old))).toBe('pending')
    expect(await gateway.receiveTransition(document, peer(old))).toBe('pending')
    await expect(gateway.checkClient(peer(next), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
    expect(await gateway.checkClient(peer(old), HERE)).toBe('accept')

    // The operator takes a weekend: the grace begins when the new key can be used, not before.
    now += 5 * GRACE
    const [waiting] = await operator().list()
    expect(waiting).toMatchObject({ from: old.kid, to: next.kid, at: START, name: 'editor' })
    if (waiting === undefined) throw new Error('nothing waits')
    await operator().decide(waiting, 'confirmed', 'operator')
    expect(await gateway.receiveTransition(document, peer(old))).toBe('accepted')
    expect(await gateway.checkClient(peer(next), ELSEWHERE)).toEqual({ from: START })
    expect(await gateway.checkClient(peer(old), ELSEWHERE)).toEqual({ until: now + GRACE })
    now += GRACE - 1
    expect(await gateway.recheckClient(peer(old))).toEqual({ until: now + 1 })
    now += 1
    for (const check of [gateway.checkClient.bind(gateway), gateway.recheckClient.bind(gateway)]) {
      await expect(check(peer(old), HERE)).rejects.toMatchObject({ code: 'peer-expired' })
    }
    const kept = readFileSync(join(folder, 'transitions', `${old.kid}.${next.kid}.json`))
    expect((await readTransition(new Uint8Array(kept))).to.kid).toBe(next.kid)
  })

  it('is told when the operator refuses, and refusing what was confirmed gives the old key back', async () => {
    const [old, next] = keys()
    const gateway = registry(listed(old))
    const document = await documentOf(old, next, now)
    await gateway.receiveTransition(document, peer(old))
    const pair = { from: old.kid, to: next.kid, at: now }
    await operator().decide(pair, 'confirmed', 'operator')
    now += 2 * GRACE
    await operator().decide(pair, 'refused', 'operator')
    expect(await gateway.receiveTransition(document, peer(old))).toBe('refused')
    expect(await gateway.checkClient(peer(old), HERE)).toBe('accept')
    await expect(gateway.checkClient(peer(next), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
  })

  it('is taken at its word or not at all where the policy says so', async () => {
    const [old, next] = keys()
    const document = await documentOf(old, next, now)
    expect(await registry(listed(old), 'refuse').receiveTransition(document, peer(old))).toBe('refused')
    const gateway = registry(listed(old), 'accept')
    expect(await gateway.receiveTransition(document, peer(old))).toBe('accepted')
    expect(await gateway.checkClient(peer(next), HERE)).toEqual({ from: START })
    expect((await operator().decisions())[0]).toMatchObject({ by: 'policy', until: now + GRACE })
  })

  it('does so as often as one line has place for, and takes none from another client', async () => {
    const [other, successor] = keys()
    const line = await Promise.all(Array.from({ length: 34 }, (_, seed) => SeedSigner.create(seed + 5, 'ML-DSA-65')))
    const [first] = line
    if (first === undefined) throw new Error('the keys are not made yet')
    const gateway = registry([...listed(first), ...listed(other)], 'accept')
    const told: string[] = []
    for (const [index, to] of line.entries()) {
      const from = line[index - 1]
      if (from !== undefined) told.push(await gateway.receiveTransition(await documentOf(from, to, now), peer(from)))
    }
    expect(told).toEqual([...Array.from({ length: 32 }, () => 'accepted'), 'refused'])
    expect(await gateway.receiveTransition(await documentOf(other, successor, now), peer(other))).toBe('accepted')
  })

  it('does so over and over; what ends the listed key ends all of them', async () => {
    const [one, two, three] = keys()
    const gateway = registry(listed(one), 'accept')
    await gateway.receiveTransition(await documentOf(one, two, now), peer(one))
    await gateway.receiveTransition(await documentOf(two, three, now), peer(two))
    expect(await gateway.checkClient(peer(three), HERE)).toEqual({ from: START })
    expect(await gateway.checkClient(peer(two), HERE)).toEqual({ from: START, until: START + GRACE })
    const ends = [
      [registry(listed(one, { revoked: true })), 'peer-revoked'],
      [registry(listed(one, { expires: now })), 'peer-expired'],
      [registry([]), 'peer-unknown'],
    ] as const
    for (const [ended, code] of ends) {
      for (const check of [ended.checkClient.bind(ended), ended.recheckClient.bind(ended)]) {
        await expect(check(peer(three), HERE), code).rejects.toMatchObject({ code })
      }
    }
    // Whoever lists the new key itself needs nothing of the old one.
    const both = registry([...listed(one, { revoked: true }), ...listed(three)])
    expect(await both.checkClient(peer(three), HERE)).toBe('accept')
    expect(await registry(listed(one, { expires: now + 50 })).checkClient(peer(three), HERE)).toEqual({
      from: START,
      until: now + 50,
    })
  })

  it('cannot make one client of two, has one successor, and cannot fill the list', async () => {
    const [old, next, other, third] = keys()
    const gateway = registry([...listed(old), ...listed(other)])
    expect(await gateway.receiveTransition(await documentOf(old, other, now), peer(old))).toBe('refused')
    expect(await gateway.receiveTransition(await documentOf(old, next, now), peer(old))).toBe('pending')
    // The key that waits as one client's successor says that it is another one's as well.
    expect(await gateway.receiveTransition(await documentOf(other, next, now), peer(other))).toBe('refused')
    await operator().decide({ from: old.kid, to: next.kid, at: now }, 'confirmed', 'operator')
    expect(await gateway.receiveTransition(await documentOf(old, third, now), peer(old))).toBe('refused')
    expect(await gateway.receiveTransition(await documentOf(next, old, now), peer(next))).toBe('refused')
    await expect(
      operator().decide({ from: old.kid, to: third.kid, at: now }, 'confirmed', 'operator'),
    ).rejects.toMatchObject({ code: 'key-exists' })

    const many = await Promise.all([5, 6, 7, 8, 9].map((seed) => SeedSigner.create(seed, 'ML-DSA-65')))
    const answers: string[] = []
    for (const one of many)
      answers.push(await gateway.receiveTransition(await documentOf(other, one, now), peer(other)))
    expect(answers).toEqual(['pending', 'pending', 'pending', 'pending', 'refused'])
  })

  it('is refused a transition that begins far ahead; one that begins soon is not served before', async () => {
    const [old, next] = keys()
    const gateway = registry(listed(old), 'accept')
    const [day, at] = [24 * 60 * 60_000, now + 500]
    expect(await gateway.receiveTransition(await documentOf(old, next, now + 31 * day), peer(old))).toBe('refused')
    expect(await gateway.receiveTransition(await documentOf(old, next, at), peer(old))).toBe('accepted')
    await expect(gateway.checkClient(peer(next), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
    now = at
    expect(await gateway.checkClient(peer(next), HERE)).toEqual({ from: at })
    expect(await gateway.checkClient(peer(old), HERE)).toEqual({ until: at + GRACE })
  })

  it('of an enrolled key does not come in as a stranger while it waits, nor after it was refused', async () => {
    const [old, next] = keys()
    const gateway = registry('enroll')
    await gateway.checkClient(peer(old), HERE)
    await gateway.receiveTransition(await documentOf(old, next, now), peer(old))
    await expect(gateway.checkClient(peer(next), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
    await operator().decide({ from: old.kid, to: next.kid, at: now }, 'refused', 'operator')
    await expect(gateway.checkClient(peer(next), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
    await operator().decide({ from: old.kid, to: next.kid, at: now }, 'confirmed', 'operator')
    expect(await gateway.checkClient(peer(next), ELSEWHERE)).toEqual({ from: START })
    expect((await gateway.list()).map(({ kid }) => kid)).toEqual([old.kid])
    now += GRACE
    await expect(gateway.checkClient(peer(old), HERE)).rejects.toMatchObject({ code: 'peer-expired' })
  })

  it('fails closed where the decisions cannot be understood or contradict each other', async () => {
    const [old, next, other] = keys()
    const made = { at: 1, decision: 'confirmed', by: 'operator', decided: 1, until: 9 }
    const BAD = [
      [
        { ...made, from: old.kid, to: next.kid },
        { ...made, from: old.kid, to: other.kid },
      ],
      [
        { ...made, from: old.kid, to: next.kid },
        { ...made, from: other.kid, to: next.kid },
      ],
      [{ ...made, from: old.kid, to: next.kid, until: undefined }],
      [{ ...made, from: old.kid, to: next.kid, note: 'x' }],
    ]
    for (const decisions of BAD) {
      writeFileSync(join(folder, 'decisions.json'), JSON.stringify({ v: 1, decisions }), { mode: 0o600 })
      await expect(registry(listed(old)).checkClient(peer(old), HERE)).rejects.toMatchObject({
        code: 'file-unreadable',
      })
    }
    // A circle, which only a hand can write, ends as well.
    const circle = [
      { ...made, from: old.kid, to: next.kid },
      { ...made, from: next.kid, to: old.kid },
    ]
    writeFileSync(join(folder, 'decisions.json'), JSON.stringify({ v: 1, decisions: circle }))
    await expect(registry([]).checkClient(peer(old), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
  })
})

describe('a gateway that rotates', () => {
  const ADDRESS = 'ws://host:1'
  const asking = (answer: boolean, asked: FirstUse[] = []) => ({
    kind: 'first-use' as const,
    ask: async (question: FirstUse) => {
      asked.push(question)
      return answer
    },
  })

  it('moves the pin when the person says so, keeps the history, and counts from its time on', async () => {
    const [old, next] = keys()
    const pins = new GatewayPins(folder, clock)
    await pins.trust(ADDRESS, asking(true)).checkGateway(peer(old))
    const asked: FirstUse[] = []
    const trust = pins.trust(ADDRESS, asking(true, asked))
    const document = await documentOf(old, next, START - 5)
    expect(await trust.checkGateway(peer(next), document)).toEqual({ from: START - 5 })
    expect(asked).toEqual([{ ...peer(next), address: ADDRESS, rotation: { from: old.kid, at: START - 5 } }])
    expect(await trust.checkGateway(peer(next))).toEqual({ from: START - 5 })
    expect(asked.length).toBe(1)
    const since = new Date(START).toISOString()
    expect(await pins.list()).toEqual([
      {
        kid: next.kid,
        name: 'editor',
        since,
        address: ADDRESS,
        from: START - 5,
        before: [{ kid: old.kid, since, until: since }],
      },
    ])
    await expect(trust.checkGateway(peer(old))).rejects.toMatchObject({ code: 'peer-changed' })
    expect(readFileSync(join(folder, 'transitions', `${old.kid}.${next.kid}.json`)).length).toBeGreaterThan(1000)
  })

  it('is refused where the person declines, with a forged document, with one of others, and before its time', async () => {
    const [old, next, other] = keys()
    const pins = new GatewayPins(folder, clock)
    await pins.trust(ADDRESS, asking(true)).checkGateway(peer(old))
    const good = await documentOf(old, next, START)
    const trust = pins.trust(ADDRESS, asking(true))
    await expect(pins.trust(ADDRESS, asking(false)).checkGateway(peer(next), good)).rejects.toMatchObject({
      code: 'peer-changed',
    })
    await expect(trust.checkGateway(peer(next))).rejects.toMatchObject({ code: 'peer-changed' })
    const [byOld, byNext] = good.signatures
    const forged = { ...good, signatures: [byOld, { ...byNext, signature: byOld.signature }] as const }
    await expect(trust.checkGateway(peer(next), forged)).rejects.toMatchObject({ code: 'signature-invalid' })
    await expect(trust.checkGateway(peer(next), await documentOf(other, next, START))).rejects.toMatchObject({
      code: 'peer-changed',
    })
    await expect(trust.checkGateway(peer(other), good)).rejects.toMatchObject({ code: 'peer-changed' })
    await expect(trust.checkGateway(peer(next), await documentOf(old, next, START + 1))).rejects.toMatchObject({
      code: 'peer-changed',
    })
    expect((await pins.list())[0]?.kid).toBe(old.kid)
  })

  it('does not move a pin that somebody wrote down, and says which key to write instead', async () => {
    const [old, next] = keys()
    const trust = new GatewayPins(folder, clock).trust(ADDRESS, { kind: 'kid', kid: old.kid })
    const document = await documentOf(old, next, START)
    await expect(trust.checkGateway(peer(next), document)).rejects.toMatchObject({
      code: 'peer-changed',
      message: expect.stringContaining(`pin ${next.kid}`),
    })
    await expect(trust.checkGateway(peer(next))).rejects.toMatchObject({
      message: expect.stringContaining('stands in between'),
    })
  })
})
