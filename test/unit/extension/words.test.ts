import { describe, expect, it } from 'vitest'
import { merkleTree } from '../../../src/crypto/merkle.ts'
import { splitCommand } from '../../../src/extension/commands/splitCommand.ts'
import { merklePath } from '../../../src/extension/evidence/merklePath.ts'
import { Series } from '../../../src/extension/evidence/series.ts'
import { listServers } from '../../../src/extension/servers/serverList.ts'
import { approvalText } from '../../../src/extension/sessions/approvalText.ts'
import { escapeMarkdown, statusText } from '../../../src/extension/statusText.ts'

const gateway = (name: string, state: Parameters<typeof statusText>[0]['gateways'][number]['state']) => ({
  name,
  state,
})

describe('the status bar', () => {
  it.each([
    ['nothing connected', { gateways: [], signer: 'none', rejected: 0 }, '$(countersign-off) Countersign', 'none'],
    [
      'ready in hardware',
      { gateways: [gateway('a', 'ready'), gateway('b', 'ready')], signer: 'ready', custody: 'hsm', rejected: 0 },
      '$(countersign-hsm) Countersign: 2 ready',
      'none',
    ],
    [
      'ready in software',
      { gateways: [gateway('a', 'ready')], signer: 'ready', custody: 'software', rejected: 0 },
      '$(countersign-software) Countersign: 1 ready · software',
      'none',
    ],
    [
      'a handshake under way',
      { gateways: [gateway('desk', 'connecting')], signer: 'ready', custody: 'hsm', rejected: 0 },
      '$(countersign-pending) Countersign: connecting desk',
      'none',
    ],
    [
      'a locked token before a lost gateway',
      { gateways: [gateway('desk', 'failed')], signer: 'locked', custody: 'hsm', rejected: 0 },
      '$(countersign-locked) Countersign: PIN wanted',
      'warning',
    ],
    [
      'a changed key before a locked token',
      { gateways: [gateway('desk', 'blocked')], signer: 'locked', custody: 'hsm', rejected: 0 },
      '$(countersign-rejected) Countersign: desk blocked',
      'error',
    ],
    [
      'a rejected context before all',
      { gateways: [gateway('desk', 'blocked')], signer: 'gone', rejected: 2 },
      '$(countersign-rejected) Countersign: 2 rejected',
      'error',
    ],
  ] as const)('shows %s', (_, facts, text, level) => {
    expect(statusText(facts)).toMatchObject({ text, level })
  })

  it('lets no name be anything but text', () => {
    expect(escapeMarkdown('[x](command:evil) $(zap)\n# b')).toBe('\\[x\\]\\(command:evil\\) \\$\\(zap\\) \\# b')
  })
})

describe('a command line as typed', () => {
  it.each([
    ['ssh host countersign gateway --stdio', ['ssh', 'host', 'countersign', 'gateway', '--stdio']],
    [`a 'b c' "d \\" e" f\\ g ''`, ['a', 'b c', 'd " e', 'f g', '']],
    ['  x\t y ', ['x', 'y']],
    ['$HOME `id` ; rm', ['$HOME', '`id`', ';', 'rm']],
    [`'open`, undefined],
    ['', undefined],
    [`''`, undefined],
  ])('%j', (line, words) => {
    expect(splitCommand(line)).toEqual(words)
  })
})

describe('the path of a proof', () => {
  it('ends in the root for every leaf of every small tree', () => {
    for (let size = 1; size <= 20; size++) {
      const leaves = Array.from({ length: size }, (_, at) => Uint8Array.of(size, at))
      const { root, proofs } = merkleTree(leaves)
      for (const [at, leaf] of leaves.entries()) {
        const path = merklePath(leaf, at, size, proofs[at] ?? [])
        expect(path).toHaveLength((proofs[at]?.length ?? 0) + 1)
        expect(path.at(-1)).toEqual(root)
      }
    }
  })
})

describe('figures over five minutes', () => {
  it('forget what is older, and show no number that was not measured', () => {
    const series = new Series()
    expect(series.median(1_000_000).now).toBeUndefined()
    series.add(3, 1_000_000)
    series.add(9, 1_000_000)
    series.add(5, 1_000_000)
    expect(series.median(1_000_000)).toMatchObject({ now: 5 })
    expect(series.rate(1_000_000).values).toHaveLength(60)
    expect(series.active(1_000_000 + 299_000)).toBe(true)
    expect(series.active(1_000_000 + 305_000)).toBe(false)
    expect(series.median(1_000_000 + 305_000).now).toBeUndefined()
  })
})

describe('the list of servers', () => {
  const desk = {
    name: 'desk',
    route: { kind: 'websocket', url: 'ws://a' },
    pin: 'first-use',
    servers: ['files'],
  } as const

  it('tells servers of the same name apart by their gateway', () => {
    const ops = { ...desk, name: 'ops', servers: ['files', 'tickets'] }
    expect(listServers([desk, ops], 'k').map(({ label }) => label)).toEqual(['files (desk)', 'files (ops)', 'tickets'])
  })

  it('has another version for another key and another gateway', () => {
    const version = (setting: Parameters<typeof listServers>[0][number], key: string) =>
      listServers([setting], key)[0]?.version
    expect(version(desk, 'a')).toBe(version(desk, 'a'))
    expect(version(desk, 'a')).not.toBe(version(desk, 'b'))
    expect(version(desk, 'a')).not.toBe(version({ ...desk, pin: 'x'.repeat(43) }, 'a'))
  })

  const kid = 'A'.repeat(43)
  const peer = {
    kid,
    name: 'desk',
    custody: 'hsm',
    algorithm: 'ML-DSA-87',
    publicKey: new Uint8Array(),
    address: 'ws://a',
  } as const

  it('asks about a gateway with kid, words, address, and what connecting gives away', () => {
    const text = approvalText(desk, peer, 'my editor')
    for (const part of [kid, 'ws://a', 'as the gateway claims', 'my editor', 'files']) expect(text).toContain(part)
    expect(text).toMatch(/(?:[a-z]{5} +){5}[a-z]{5}/)
  })

  it('says that a key was replaced, by which one, and that this is no first time', () => {
    const before = 'B'.repeat(42) + 'A'
    const text = approvalText(desk, { ...peer, rotation: { from: before, at: 1 } }, 'my editor')
    for (const part of [kid, before, 'has replaced its key', 'ask its operator']) expect(text).toContain(part)
    expect(text).not.toContain('first time')
  })
})
