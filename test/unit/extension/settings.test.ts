import { describe, expect, it } from 'vitest'
import { parseSettings, type SettingName } from '../../../src/contracts/settings.ts'

const parse = (raw: Partial<Record<SettingName, unknown>>) => parseSettings((setting) => raw[setting])
const KID = 'q7XkT0n8aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'

describe('settings', () => {
  it('has defaults that connect to nothing and sign with the vault', () => {
    const settings = parse({})
    expect(settings.problems).toEqual([])
    expect(settings.gateways).toEqual([])
    expect(settings.identity).toEqual({ kind: 'vault' })
    expect(settings.suites).toHaveLength(3)
    expect(settings.journal).toMatchObject({ contexts: 'full', durability: 'written' })
  })

  it('reads gateways by address and by command', () => {
    const { gateways, problems } = parse({
      'countersign.gateways': {
        desk: { url: 'ws://127.0.0.1:7443', pin: KID, servers: ['files', 'tickets'] },
        warehouse: { command: 'ssh', args: ['wh-02', 'countersign', 'gateway', '--stdio'], servers: ['stock'] },
      },
    })
    expect(problems).toEqual([])
    expect(gateways).toEqual([
      {
        name: 'desk',
        route: { kind: 'websocket', url: 'ws://127.0.0.1:7443' },
        pin: KID,
        servers: ['files', 'tickets'],
      },
      {
        name: 'warehouse',
        route: { kind: 'command', command: 'ssh', args: ['wh-02', 'countersign', 'gateway', '--stdio'] },
        pin: 'first-use',
        servers: ['stock'],
      },
    ])
  })

  it.each([
    ['http instead of ws', { url: 'http://gw.example', servers: ['a'] }, /ws: or wss:/],
    ['a password in the address', { url: 'wss://u:p@gw.example', servers: ['a'] }, /without user name/],
    ['both ways at once', { url: 'ws://gw.example', command: 'ssh', servers: ['a'] }, /url/],
    ['neither way', { servers: ['a'] }, /url/],
    ['no servers', { url: 'ws://gw.example' }, /servers/],
    ['an empty list', { url: 'ws://gw.example', servers: [] }, /at least one/],
    ['a server twice', { url: 'ws://gw.example', servers: ['a', 'a'] }, /twice/],
    ['a server name with a slash', { url: 'ws://gw.example', servers: ['a/b'] }, /servers\.0/],
    ['a pin that is no kid', { url: 'ws://gw.example', servers: ['a'], pin: 'always' }, /first-use/],
    ['a misspelt member', { url: 'ws://gw.example', servers: ['a'], pins: KID }, /pins/],
    ['a text', 'ws://gw.example', /desk/],
  ])('names a gateway with %s and keeps the others', (_, entry, sentence) => {
    const { gateways, problems } = parse({
      'countersign.gateways': { desk: entry, good: { url: 'wss://gw.example/countersign', servers: ['a'] } },
    })
    expect(gateways.map(({ name }) => name)).toEqual(['good'])
    expect(problems).toHaveLength(1)
    expect(problems[0]?.sentence).toMatch(/countersign\.gateways, desk/)
    expect(problems[0]?.sentence).toMatch(sentence)
    expect(problems[0]?.blocking).toBe(false)
  })

  it.each([
    ['countersign.identity', 'valt'],
    ['countersign.identity', { module: '/m.so', label: 'k' }],
    ['countersign.identity', { module: '/m.so', label: 'k', slot: 1, token: 't' }],
    ['countersign.identity', { module: '/m.so', label: 'k', slot: -1 }],
    ['countersign.suites', []],
    ['countersign.suites', ['MLKEM512']],
    ['countersign.suites', Array.from({ length: 2 }, () => 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384')],
    ['countersign.clientName', 'a\u202eb'],
    ['countersign.journal.contexts', 'none'],
    ['countersign.journal.durability', true],
    ['countersign.journal.encryptTo', 'relative/key.json'],
    ['countersign.journal.segmentMegabytes', 0],
    ['countersign.journal.segmentHours', 'day'],
    ['countersign.journal.keepMegabytes', -1],
    ['countersign.journal.keepDays', Number.POSITIVE_INFINITY],
  ] satisfies [SettingName, unknown][])('blocks on a bad %s (%j) instead of using its default', (setting, value) => {
    const { problems } = parse({ [setting]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ setting, blocking: true })
    expect(problems[0]?.sentence).toContain(setting)
  })

  it('encrypts contexts to a key that is named, and blocks where none is', () => {
    const encrypted = { 'countersign.journal.contexts': 'encrypted' } as const
    expect(parse({ ...encrypted, 'countersign.journal.encryptTo': '/keys/auditor.json' }).journal.contexts).toEqual({
      encryptTo: '/keys/auditor.json',
    })
    const { problems } = parse(encrypted)
    expect(problems).toMatchObject([{ setting: 'countersign.journal.encryptTo', blocking: true }])
  })

  it('keeps ten gigabytes of journal by default, and all of it where it is told 0', () => {
    expect(parse({}).journal).toMatchObject({ segments: { megabytes: 64, hours: 24 }, keep: { megabytes: 10_240 } })
    expect(parse({ 'countersign.journal.keepMegabytes': 0 }).journal.keep).toEqual({})
    expect(parse({ 'countersign.journal.keepDays': 90 }).journal.keep).toEqual({ megabytes: 10_240, days: 90 })
  })

  it('reads a key in a token, by slot and by token label', () => {
    expect(parse({ 'countersign.identity': { module: '/m.so', slot: 2, label: 'k' } }).identity).toEqual({
      kind: 'pkcs11',
      module: '/m.so',
      label: 'k',
      where: { slot: 2 },
    })
    expect(
      parse({ 'countersign.identity': { module: '/m.so', token: 'T', label: 'k', libraryParameters: 'p ' } }).identity,
    ).toMatchObject({ where: { token: 'T' }, libraryParameters: 'p ' })
  })

  it('names a bad module by its place in the list', () => {
    const { modules, problems } = parse({ 'countersign.modules': [{ path: '/a.so' }, { paht: '/b.so' }] })
    expect(modules).toEqual([{ path: '/a.so' }])
    expect(problems[0]?.sentence).toMatch(/entry 2/)
  })
})
