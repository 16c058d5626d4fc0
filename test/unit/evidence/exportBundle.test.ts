import { createReadStream } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ExportOptions, exportBundle } from '../../../src/evidence/bundle/exportBundle.ts'
import { writeNewFile } from '../../../src/evidence/bundle/file.ts'
import { encodeBundleLine, parseBundleLine } from '../../../src/evidence/bundle/format.ts'
import { verifyBundle } from '../../../src/evidence/bundle/verifyBundle.ts'
import { openJournal } from '../../../src/evidence/journal/store.ts'
import { HANDSHAKE, wholeTalk } from '../../fakes/evidenceBundle.ts'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { client, Conversation, conversation, gateway, journal, root } from './conversation.ts'
import { digestOf, NOW } from './build.ts'

const TRUSTED = () => new Map([client, gateway].map(({ kid }) => [kid, {}]))
const OTHER = encodeBase64url(new Uint8Array(48).fill(8))
let count = 0

/** The folder of a journal of two sessions. */
async function twoSessions() {
  const one = await wholeTalk({ client, gateway })
  const two = await wholeTalk({ client, gateway }, OTHER)
  const later = two.entries.map((entry) => ({ ...entry, at: NOW + 1000 }))
  return { folder: dirname(await journal([...one.entries, ...later])), one: one.entries }
}

async function exported(folder: string, options: Partial<ExportOptions>) {
  const path = join(root, `export-${++count}.countersign`)
  const items = (await openJournal(folder)).read()
  const result = await writeNewFile(path, (write) =>
    exportBundle(items, { selection: { kind: 'all' }, exporter: client, at: NOW, write, ...options }),
  )
  const records: string[] = []
  const verdict = await verifyBundle(createReadStream(path), {
    trusted: TRUSTED(),
    onRecord: ({ context }, { state, record }) =>
      void records.push(
        `${state} ${record?.statement?.sid === OTHER ? 'two' : 'one'} ${context === undefined ? 'gone' : 'there'}`,
      ),
  })
  return { path, result, verdict, records }
}

describe('an export', () => {
  it('of everything holds', async () => {
    const { folder } = await twoSessions()
    const { result, verdict, records } = await exported(folder, {})
    expect(result).toMatchObject({ records: 24, redacted: 0, problems: [], encrypted: 0 })
    expect(verdict.summary).toMatchObject({ records: 24, holds: 24, sessions: 2, exitCode: 0 })
    expect(verdict.manifest).toMatchObject({ state: 'holds', manifest: { kid: client.kid, records: 24 } })
    expect([verdict.problems, verdict.sessions.length, new Set(records).size]).toEqual([[], 2, 2])
  })

  it('of one session holds, with one of its contexts redacted', async () => {
    const { folder, one } = await twoSessions()
    const target = digestOf(one[1]?.statement ?? new Uint8Array())
    const { verdict, records, path } = await exported(folder, {
      selection: { kind: 'session', sid: OTHER },
      redact: ({ dir, seq }) => dir === 'c2s' && seq === 1,
    })
    expect(verdict.summary).toMatchObject({ records: 12, redacted: 1, exitCode: 0 })
    expect(records.filter((line) => line === 'holds two gone')).toHaveLength(1)
    expect(await readFile(path, 'utf8')).not.toContain(target)
  })

  it('of a time range has what was recorded in it', async () => {
    const { folder } = await twoSessions()
    const { verdict, records } = await exported(folder, { selection: { kind: 'time', from: NOW, to: NOW + 1 } })
    expect([verdict.summary.exitCode, new Set(records)]).toEqual([0, new Set(['holds one there'])])
  })

  it('of chosen contexts holds line by line, and is incomplete as a whole', async () => {
    const { folder, one } = await twoSessions()
    const digests = new Set([digestOf(one[1]?.statement ?? new Uint8Array())])
    const { verdict, records } = await exported(folder, { selection: { kind: 'contexts' }, digests })
    expect([records, verdict.summary.exitCode]).toEqual([['holds one there'], 2])
    expect(verdict.sessions).toEqual([expect.objectContaining({ state: 'incomplete' })])
  })

  it('of nothing is refused and leaves no file', async () => {
    const { folder } = await twoSessions()
    const nothing = exported(folder, { selection: { kind: 'time', from: 1, to: 2 } })
    await expect(nothing).rejects.toMatchObject({ code: 'usage' })
    await expect(stat(join(root, `export-${count}.countersign`))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('that is cancelled leaves no file', async () => {
    const { folder } = await twoSessions()
    const stopped = exported(folder, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(stopped).rejects.toThrow('enough')
    await expect(stat(join(root, `export-${count}.countersign`))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('writes over nothing', async () => {
    const path = join(root, 'there.countersign')
    await writeFile(path, 'mine')
    await expect(writeNewFile(path, async () => {})).rejects.toMatchObject({ code: 'file-exists' })
    expect(await readFile(path, 'utf8')).toBe('mine')
  })

  it('has once what a journal has twice', async () => {
    const { entries } = await conversation()
    const { result, verdict } = await exported(dirname(await journal([...entries, ...entries])), {})
    expect([result.records, verdict.summary.exitCode]).toEqual([entries.length, 0])
  })

  it('has a second history of a session, as its journal does, and is false', async () => {
    const { entries } = await conversation()
    const other = new Conversation()
    await other.ask({}, encodeUtf8('{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"delete"}}'))
    const { result, verdict, records } = await exported(dirname(await journal([...entries, ...other.entries])), {})
    expect(result.records).toBe(entries.length + 1)
    expect([records.at(-1), verdict.summary.exitCode]).toEqual(['false one there', 1])
  })

  it('says what is wrong with the journal, and exports what is left', async () => {
    const { folder } = await twoSessions()
    const file = (await openJournal(folder)).files[0]?.path ?? ''
    await writeFile(file, (await readFile(file)).subarray(0, -300))
    const { result, verdict } = await exported(folder, {})
    expect(result.problems.length).toBeGreaterThan(0)
    expect(verdict.summary.exitCode).toBe(2)
  })
})

it('a line of a bundle is read as it was written', () => {
  const window = { from: 1, until: 2, revoked: 3 }
  const lines = [
    { type: 'bundle', exporter: client.kid, at: NOW, selection: { kind: 'time', from: 1 } },
    { type: 'key', kid: client.kid, key: { algorithm: client.algorithm, publicKey: client.publicKey }, ...window },
    { type: 'handshake', ...HANDSHAKE },
  ] as const
  for (const line of lines) expect(parseBundleLine(encodeBundleLine(line))).toEqual(line)
})
