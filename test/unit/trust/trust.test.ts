import { chmod, chown, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { silentLog } from '../../../src/support/log.ts'
import { ClientRegistry, type ListedClient } from '../../../src/trust/clientRegistry.ts'
import { type FirstUse, GatewayPins } from '../../../src/trust/gatewayPins.ts'
import type { ProvenPeer } from '../../../src/trust/peers.ts'

const clock = { now: () => Date.UTC(2026, 10, 22), monotonic: () => 0 }
const kid = (seed: number): string => encodeBase64url(new Uint8Array(32).fill(seed))
const peer = (seed: number): ProvenPeer => ({ kid: kid(seed), name: `peer ${seed}`, custody: 'software' })
const HERE = { address: '127.0.0.1', loopback: true }
const ELSEWHERE = { address: '192.0.2.1', loopback: false }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-trust-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('gateway pins', () => {
  const asking = (answers: boolean[], asked: FirstUse[] = []) => ({
    kind: 'first-use' as const,
    ask: async (question: FirstUse) => {
      asked.push(question)
      return answers.shift() ?? false
    },
  })

  it('ask once, remember, and block another key', async () => {
    const asked: FirstUse[] = []
    const pins = new GatewayPins(folder, clock)
    const trust = pins.trust('ws://host:1', asking([true], asked))
    expect(await trust.checkGateway(peer(1))).toBe('accept')
    expect(await trust.checkGateway(peer(1))).toBe('accept')
    expect(asked).toEqual([{ ...peer(1), address: 'ws://host:1' }])
    await expect(trust.checkGateway(peer(2))).rejects.toMatchObject({ code: 'peer-changed' })
    // Another process, and another address.
    const again = new GatewayPins(folder, clock)
    await expect(again.trust('ws://host:1', asking([])).checkGateway(peer(2))).rejects.toMatchObject({
      code: 'peer-changed',
    })
    await expect(again.trust('ws://host:2', asking([])).checkGateway(peer(1))).rejects.toMatchObject({
      code: 'peer-unknown',
    })
    expect(await again.list()).toHaveLength(1)
    await again.forget('ws://host:1')
    expect(await pins.list()).toEqual([])
  })

  it('do not remember who was not accepted', async () => {
    const pins = new GatewayPins(folder, clock)
    await expect(pins.trust('a', asking([false])).checkGateway(peer(1))).rejects.toMatchObject({ code: 'peer-unknown' })
    expect(await pins.list()).toEqual([])
  })

  it('let the first of two answers stand', async () => {
    const pins = new GatewayPins(folder, clock)
    const both = [1, 2].map((seed) => pins.trust('a', asking([true])).checkGateway(peer(seed)))
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await pins.list()).toHaveLength(1)
  })

  it('compare an explicit kid with nothing else', async () => {
    const trust = new GatewayPins(folder, clock).trust('a', { kind: 'kid', kid: kid(1) })
    expect(await trust.checkGateway(peer(1))).toBe('accept')
    await expect(trust.checkGateway(peer(2))).rejects.toMatchObject({ code: 'peer-changed' })
    expect(() => new GatewayPins(folder, clock).trust('a', { kind: 'kid', kid: 'short' })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
  })

  it('are a file that only its owner can read', async () => {
    const pins = new GatewayPins(join(folder, 'state'), clock)
    await pins.trust('a', asking([true])).checkGateway(peer(1))
    const path = join(folder, 'state', 'gateways.json')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ v: 1, peers: [{ kid: kid(1), address: 'a' }] })
  })

  it('are never started anew because the file cannot be understood', async () => {
    const path = join(folder, 'gateways.json')
    const trust = new GatewayPins(folder, clock).trust('a', asking([true, true, true, true, true, true, true, true]))
    const good = { kid: kid(1), name: 'x', since: '2026-11-22T00:00:00.000Z', address: 'a' }
    for (const text of [
      '',
      '{}',
      'garbage',
      '{"v":2,"peers":[]}',
      '{"v":1,"peers":[],"peers":[]}',
      JSON.stringify({ v: 1, peers: [{ ...good, kid: 'short' }] }),
      JSON.stringify({ v: 1, peers: [{ ...good, extra: 1 }] }),
      // A pin has no such member: to read over it would be to trust a key that somebody meant to end.
      JSON.stringify({ v: 1, peers: [{ ...good, revoked: true }] }),
    ]) {
      await writeFile(path, text, { mode: 0o600 })
      await expect(trust.checkGateway(peer(1)), text).rejects.toMatchObject({ code: 'file-unreadable' })
      expect(await readFile(path, 'utf8')).toBe(text)
    }
    await writeFile(path, JSON.stringify({ v: 1, peers: [good] }))
    await chmod(path, 0o666)
    await expect(trust.checkGateway(peer(1))).rejects.toMatchObject({ code: 'file-permissions' })
    await rm(path)
    await symlink(join(folder, 'elsewhere'), path)
    await expect(trust.checkGateway(peer(1))).rejects.toMatchObject({ code: 'file-permissions' })
  })

  it('are not read from a folder or a file that somebody else could have put there', async () => {
    const trust = new GatewayPins(folder, clock).trust('a', asking([true, true, true]))
    await chmod(folder, 0o777)
    await expect(trust.checkGateway(peer(1))).rejects.toMatchObject({ code: 'file-permissions' })
    await chmod(folder, 0o700)
    expect(await trust.checkGateway(peer(1))).toBe('accept')
    // Root can give the file away; anybody else pretends to be another user.
    const uid = process.getuid?.() ?? 0
    if (uid === 0) await chown(join(folder, 'gateways.json'), 4711, 4711)
    const other = vi.spyOn(process, 'getuid').mockReturnValue(uid === 0 ? 0 : uid + 1)
    await expect(trust.checkGateway(peer(1))).rejects.toMatchObject({ code: 'file-permissions' })
    other.mockRestore()
  })
})

describe('the registry of clients', () => {
  it('serves who is listed', async () => {
    const registry = new ClientRegistry(folder, [{ kid: kid(1), name: 'editor' }], clock, silentLog)
    expect(await registry.checkClient(peer(1), ELSEWHERE)).toBe('accept')
    await expect(registry.checkClient(peer(2), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
  })

  it('enrols over loopback only, warns, and remembers', async () => {
    const lines: string[] = []
    const log = { log: (level: string, message: string) => void lines.push(`${level} ${message}`) }
    const registry = new ClientRegistry(folder, 'enroll', clock, log)
    await expect(registry.checkClient(peer(1), ELSEWHERE)).rejects.toMatchObject({ code: 'peer-unknown' })
    expect(await registry.checkClient(peer(1), HERE)).toBe('accept')
    expect(await registry.checkClient(peer(1), HERE)).toBe('accept')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('warn')
    expect(await new ClientRegistry(folder, 'enroll', clock, log).checkClient(peer(1), ELSEWHERE)).toBe('accept')
    // A list replaces enrolment altogether.
    const listed = new ClientRegistry(folder, [], clock, log)
    await expect(listed.checkClient(peer(1), HERE)).rejects.toMatchObject({ code: 'peer-unknown' })
  })

  it('refuses who was revoked or whose time is over, by whichever entry says so', async () => {
    const now = clock.now()
    const own = { kid: kid(1), name: 'editor' }
    const CASES: readonly [ListedClient[], string | object | undefined][] = [
      [[{ ...own, revoked: true }], 'peer-revoked'],
      [[{ ...own, revoked: true, expires: now - 1 }], 'peer-revoked'],
      [[own, { ...own, revoked: true }], 'peer-revoked'],
      [[{ ...own, expires: now }], 'peer-expired'],
      [[{ ...own, expires: now - 1 }], 'peer-expired'],
      [
        [
          { ...own, expires: now + 9 },
          { ...own, expires: now - 9 },
        ],
        'peer-expired',
      ],
      [[{ ...own, expires: now + 1 }], { until: now + 1 }],
      [[{ ...own, revoked: false }], undefined],
      [[own, { kid: kid(2), name: 'other', revoked: true, expires: now - 1 }], undefined],
      [[{ kid: kid(2), name: 'editor' }], 'peer-unknown'],
    ]
    for (const [policy, code] of CASES) {
      const check = new ClientRegistry(folder, policy, clock, silentLog).checkClient(peer(1), HERE)
      if (typeof code !== 'string') expect(await check).toEqual(code ?? 'accept')
      else await expect(check).rejects.toMatchObject({ code })
    }
  })

  it('does not enrol again who was revoked in its file, and keeps the word when it writes', async () => {
    const registry = new ClientRegistry(folder, 'enroll', clock, silentLog)
    await registry.checkClient(peer(1), HERE)
    const path = join(folder, 'clients.json')
    const [enrolled] = await registry.list()
    const write = (entry: object): Promise<void> =>
      writeFile(path, JSON.stringify({ v: 1, peers: [{ ...enrolled, ...entry }] }))
    await write({ revoked: true })
    await expect(registry.checkClient(peer(1), HERE)).rejects.toMatchObject({ code: 'peer-revoked' })
    await registry.checkClient(peer(2), HERE)
    await expect(registry.checkClient(peer(1), HERE)).rejects.toMatchObject({ code: 'peer-revoked' })
    await write({ revoked: false })
    expect(await registry.checkClient(peer(1), HERE)).toBe('accept')
    for (const entry of [{ revoked: 'yes' }, { revoked: 1 }, { expires: '2027-01-31' }, { address: 'a' }]) {
      await write(entry)
      await expect(registry.checkClient(peer(1), HERE)).rejects.toMatchObject({ code: 'file-unreadable' })
    }
  })

  it('keeps all of many that enrol at once', async () => {
    const registry = new ClientRegistry(folder, 'enroll', clock, silentLog)
    await Promise.all(Array.from({ length: 20 }, (_, seed) => registry.checkClient(peer(seed + 1), HERE)))
    expect(await registry.list()).toHaveLength(20)
  })
})
