import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeContextAddress, parseContextAddress } from '../../../src/contracts/contextAddress.ts'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { openJournal } from '../../../src/evidence/journal/store.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { contextText, documentName } from '../../../src/extension/documents/contextText.ts'
import { addressOf, findContext, type FindPorts } from '../../../src/extension/documents/findContext.ts'
import { byNearness } from '../../../src/extension/documents/nearness.ts'
import { rendering } from '../../../src/extension/documents/rendering.ts'
import { ContextStore } from '../../../src/extension/evidence/contextStore.ts'
import type { KnownKeys } from '../../../src/extension/evidence/knownHere.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { call, CALL, followed, settled } from './followed.ts'

const shown = (text: string) => rendering(encodeUtf8(text)).text
const HIDDEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

describe('the rendering of a context', () => {
  it('breaks JSON into lines and changes no token', () => {
    expect(shown('{"b":[1.0,{},[]],"a":{"x":9007199254740993,"x":1e400}}')).toBe(
      '{\n  "b": [\n    1.0,\n    {},\n    []\n  ],\n  "a": {\n    "x": 9007199254740993,\n    "x": 1e400\n  }\n}',
    )
    expect(shown(' "a" ')).toBe('"a"')
  })

  it('shows what hides: ANSI, direction overrides, zero width, a pile of marks', () => {
    const text = shown(`{"a":"\u202egnp.exe\u200b","\u2066b":"x\u0301\u0301\u0301\u0301"}`)
    expect(text).toContain('"\\u202egnp.exe\\u200b"')
    expect(text).toContain('"\\u2066b"')
    expect(text).toContain('\\u0301"')
    expect(JSON.parse(text)).toEqual({ a: '\u202egnp.exe\u200b', '\u2066b': 'x\u0301\u0301\u0301\u0301' })
    expect(shown('\u001b[2J\u0007 gone\r\u2028 // ok')).toBe('\\u001b[2J\\u0007 gone\\u000d\\u2028 // ok')
  })

  it('keeps the fields of events, and lays out the JSON in them', () => {
    expect(shown('event: message\ndata: {"a":1}\n\n')).toBe('// event: message\n// data:\n{\n  "a": 1\n}\n\n')
    expect(shown('event: message\ndata: no JSON\n\n')).toBe('event: message\ndata: no JSON\n\n')
  })

  it('says what it could not show as it is', () => {
    const broken = rendering(Uint8Array.of(0x7b, 0xff, 0x7d))
    expect(broken.text).toBe('{\\ufffd}')
    expect(broken.notes.join()).toContain('not UTF-8')
    const deep = rendering(encodeUtf8(`${'['.repeat(60)}${'1,'.repeat(200_000)}1${']'.repeat(60)}`))
    expect(deep.text.length).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(deep.notes.join()).toContain('Only the first')
  })
})

describe('the address of a document', () => {
  it('is read as it was written, and in no other spelling', () => {
    const place = { sid: 'A'.repeat(64), dir: 's2c', seq: 12 } as const
    for (const address of [
      { ref: 'lx3-7', reveal: false },
      { place, reveal: true },
      { ref: 'lx3-7', place, reveal: false },
    ])
      expect(parseContextAddress(encodeContextAddress(address))).toEqual(address)
    const good = encodeContextAddress({ ref: 'a-1', place, reveal: true })
    for (const bad of [
      '',
      'ref=',
      'reveal=yes',
      'sid=A',
      `${good}&ref=b`,
      `${good}&`,
      good.replace('12', '012'),
      `x=1&${good}`,
    ])
      expect(parseContextAddress(bad), bad).toBe(undefined)
  })
})

async function journalOf(entries: readonly EvidenceEntry[]) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-documents-'))
  const journal = await Journal.open({ folder })
  for (const entry of entries) await journal.append(entry)
  await journal.close()
  return async () => await openJournal(folder)
}

async function session() {
  const made = await followed()
  await call(made.exchanges)
  await settled(made.store, 3)
  const journal = await journalOf(made.client.journal)
  const ports = (contexts: ContextStore, known: KnownKeys = new Map()): FindPorts => ({
    contexts,
    journal,
    known: async () => known,
  })
  return { ...made, ports }
}

describe('the document of a context', () => {
  it('has its verdict at the head and its bytes laid out', async () => {
    const { store, ports } = await session()
    const [question] = store.all()
    if (question === undefined) throw new Error('no context')
    const found = await findContext(ports(store), addressOf(question.row))
    const text = contextText(found, false)
    expect(text).toMatch(/^\/\/ Countersign: a rendering/)
    expect(text).toContain('// Verified when this document was opened')
    expect(text).toContain('request · echo · server files')
    const body = text.split('\n').filter((line) => !line.startsWith('//'))
    expect(JSON.parse(body.join('\n'))).toEqual(JSON.parse(CALL))
    expect(documentName(found)).toBe('files echo request 0 (rendering).jsonc')
  })

  it('comes from the journal after a reload, and says whether the signer is known', async () => {
    const { store, ports, client } = await session()
    const [question] = store.all()
    if (question === undefined) throw new Error('no context')
    const address = { ...addressOf(question.row), ref: 'before-0' }
    const reloaded = new ContextStore(systemClock)
    const unknown = contextText(await findContext(ports(reloaded), address), false)
    expect(unknown).toContain('this editor does not know the signer')
    expect(unknown).toContain('"method": "tools/call"')
    const known = new Map([[client.signer.kid, { window: {}, whose: 'your key k' }]])
    expect(contextText(await findContext(ports(reloaded, known), address), false)).toContain('your key k')
    const over = new Map([[client.signer.kid, { window: { until: 1 }, whose: 'your key k' }]])
    expect(contextText(await findContext(ports(reloaded, over), address), false)).toMatch(/REJECTED.*\n.*\n.*withheld/)
  })

  it('says plainly what is gone', async () => {
    const { ports } = await session()
    const place = { sid: 'A'.repeat(64), dir: 'c2s', seq: 0 } as const
    const contexts = new ContextStore(systemClock)
    await expect(findContext(ports(contexts), { ref: 'before-0', reveal: false })).rejects.toThrow('is gone')
    await expect(findContext(ports(contexts), { place, reveal: false })).rejects.toThrow('journal does not hold')
  })

  it('withholds bytes that did not verify until somebody asks, and shows their reason', async () => {
    const { store, client, ports } = await session()
    const received = client.journal.find(({ how }) => how === 'received')
    const answer = store.all().find(({ row }) => row.kind === 'response')
    if (received === undefined || answer?.recorded === undefined) throw new Error('no answer')
    const entry = { ...received, context: encodeUtf8('{"said":"\u202eother"}') }
    const { ref: _, ...row } = { ...answer.row, gateway: 'desk' }
    store.add(row, 'desk', { ...answer.recorded, entry })
    await settled(store, 4)
    const rejected = store.all().at(-1)
    if (rejected === undefined) throw new Error('no context')
    const found = await findContext(ports(store), addressOf(rejected.row))
    const withheld = contextText(found, false)
    expect(withheld).toContain('REJECTED')
    expect(withheld).not.toContain('said')
    const revealed = contextText(found, true)
    expect(revealed).toContain('REJECTED')
    expect(revealed).toContain('"said": "\\u202eother"')
    expect(HIDDEN.test(revealed)).toBe(false)
    expect(addressOf(rejected.row).place).toBe(undefined)
  })

  it('has a sentence where there are no bytes', async () => {
    const { store, recorder, ports } = await session()
    const error = new CountersignError('session-refused', 'A signature does not hold.\u202e')
    recorder.rejected({ sid: 's', direction: 's2c', at: 1, alert: 111, error })
    const row = store.all().at(-1)?.row
    if (row === undefined) throw new Error('no row')
    const text = contextText(await findContext(ports(store), addressOf(row)), false)
    expect(text).toContain('A signature does not hold.\\u202e')
    expect(text).toContain('There are no bytes of it here.')
  })
})

describe('what a context is compared with', () => {
  it('is its answer first, then other calls of the tool', async () => {
    const { store, exchanges } = await session()
    await call(exchanges)
    await settled(store, 6)
    const rows = store.all().map(({ row }) => row)
    const near = byNearness(rows.slice(1).toReversed(), rows[0])
    expect(near.map(({ kind, seq }) => `${kind} ${seq}`).slice(0, 3)).toEqual(['end 1', 'response 0', 'request 1'])
  })
})
