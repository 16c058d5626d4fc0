import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { parseLine } from '../../../src/evidence/journal/format.ts'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { findEntry } from '../../../src/evidence/journal/store.ts'
import { OfflineVerifier } from '../../../src/evidence/offline.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import type { EvidenceArchive } from '../../../src/extension/evidence/archive.ts'
import { contextDetail } from '../../../src/extension/evidence/contextDetail.ts'
import { ContextStore } from '../../../src/extension/evidence/contextStore.ts'
import { evidenceLine } from '../../../src/extension/evidence/evidenceLine.ts'
import { numberOf } from '../../../src/extension/evidence/refs.ts'
import { SessionRecorder } from '../../../src/extension/evidence/sessionRecorder.ts'
import { parseResult } from '../../../src/contracts/panel.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { type Pair, Party } from '../../fakes/party.ts'
import { ANSWER, call, CALL, followed, settled } from './followed.ts'

describe('the contexts of a session', () => {
  it('are pending until their evidence was verified here, and keep their place', async () => {
    const { store, exchanges } = await followed()
    const seen: string[] = []
    store.onChange((ref) => seen.push(`${ref} ${store.get(ref)?.row.verdict}`))
    await call(exchanges)
    await settled(store, 3)
    expect(store.all().map(({ row }) => [row.verdict, row.dir, row.kind, row.tool])).toEqual([
      ['verified', 'c2s', 'request', 'echo'],
      ['verified', 's2c', 'response', 'echo'],
      ['verified', 's2c', 'end', undefined],
    ])
    const [question] = store.all()
    const ofQuestion = seen.filter((line) => line.startsWith(`${question?.row.ref} `))
    expect(ofQuestion.at(0)).toMatch(/pending$/)
    expect(ofQuestion.at(-1)).toMatch(/verified$/)
    expect(question?.row).toMatchObject({ custody: 'software', server: 'files', size: CALL.length })
    expect(store.figures.counters()).toMatchObject({ verified: 3, pending: 0, rejected: 0, unsigned: 0 })
  })

  it('show their checks, run again from the evidence, in the shape that the panel accepts', async () => {
    const { store, exchanges } = await followed()
    await call(exchanges)
    await settled(store, 3)
    for (const { row } of store.all()) {
      const detail = await contextDetail(store, row.ref, false)
      expect(parseResult('contextDetail', detail), row.kind).toEqual(detail)
      expect(detail.statementIs).toBe('verified')
      expect(detail.checks.length).toBeGreaterThan(5)
      expect(detail.checks.filter(({ state }) => state !== 'passed')).toEqual([])
      expect(detail.question?.text).toBe(CALL)
      expect(detail.proof?.computed.at(-1)).toBe(detail.batch?.root)
    }
  })

  it.each([
    [
      'bytes of the context',
      (entry: EvidenceEntry) => ({ ...entry, context: encodeUtf8(ANSWER.replace('[]', '[1]')) }),
    ],
    [
      'the statement',
      (entry: EvidenceEntry) => ({
        ...entry,
        statement: encodeUtf8(text(entry.statement).replace('"files"', '"filez"')),
      }),
    ],
    ['the signer', (entry: EvidenceEntry, other: Party) => ({ ...entry, signer: other.signer })],
    ['the place in the batch', (entry: EvidenceEntry) => ({ ...entry, index: 1 })],
  ])('are rejected when %s is another than was signed, whatever the session said', async (_, change) => {
    const { store, client, pair, gateway, exchanges } = await followed()
    await call(exchanges)
    await settled(store, 3)
    const first = client.journal.find(({ how }) => how === 'received')
    if (first === undefined) throw new Error('nothing was received')
    const other = new ContextStore(systemClock)
    const witness = new SessionRecorder(other, 'desk', client.signer)
    witness.peer = { kid: gateway.signer.kid, custody: 'software' }
    witness.handshake({ ...reportOf(pair), steps: [], transcript: '', took: 0, bytes: 0 })
    for (const entry of client.journal.filter(({ how }) => how === 'sent')) witness.evidence(entry)
    witness.evidence(change(first, client))
    await settled(other, 2)
    const rejected = other.all().filter(({ row }) => row.verdict === 'rejected')
    expect(rejected).toHaveLength(1)
    expect(rejected[0]?.row.reason).toBeTruthy()
    const detail = await contextDetail(other, rejected[0]?.row.ref ?? '', false)
    expect(detail.statementIs).toBe('claimed')
    expect(detail.checks.some(({ state }) => state === 'failed')).toBe(true)
    expect(detail.answers.every(({ state }) => state !== 'shown')).toBe(true)
    expect(parseResult('contextDetail', detail)).toEqual(detail)
  })

  it('are rejected when one before them is missing', async () => {
    const { store, client, pair, gateway, exchanges } = await followed()
    await call(exchanges)
    await settled(store, 3)
    const other = new ContextStore(systemClock)
    const witness = new SessionRecorder(other, 'desk', client.signer)
    witness.peer = { kid: gateway.signer.kid, custody: 'software' }
    witness.handshake({ ...reportOf(pair), steps: [], transcript: '', took: 0, bytes: 0 })
    const [, second] = client.journal.filter(({ how }) => how === 'received')
    if (second !== undefined) witness.evidence(second)
    await settled(other, 1)
    expect(other.all()[0]?.row).toMatchObject({ verdict: 'rejected', alert: 110 })
  })

  it('that a session refused are listed with its reason, and their bytes are not there', async () => {
    const store = new ContextStore(systemClock)
    const recorder = new SessionRecorder(store, 'desk', { kid: 'k', custody: 'software' })
    const error = new CountersignError('replay', 'A statement was sent twice.')
    recorder.rejected({ sid: 's', direction: 's2c', at: 1, alert: 111, error })
    const [row] = store.all()
    expect(row?.row).toMatchObject({ verdict: 'rejected', alert: 111, reason: error.message })
    const detail = await contextDetail(store, row?.row.ref ?? '', true)
    expect(parseResult('contextDetail', detail)).toEqual(detail)
    expect(store.figures.unseen).toBe(1)
  })

  it('that could not be signed, or were overtaken by the end of the session, say that nothing was sent', () => {
    const store = new ContextStore(systemClock)
    const recorder = new SessionRecorder(store, 'desk', { kid: 'k', custody: 'hsm' })
    const pending = (ref: number) =>
      recorder.pending({ ref, sid: 's', server: 'files', kind: 'request', body: encodeUtf8(CALL) })
    for (const ref of [1, 2, 3]) pending(ref)
    recorder.settled(1, 'failed')
    recorder.settled(2, 'cancelled')
    recorder.ended()
    expect(store.all().map(({ row }) => row.verdict)).toEqual(['unsigned', 'unsigned', 'unsigned'])
    expect(store.all().every(({ row }) => /sent/.test(row.reason ?? ''))).toBe(true)
    expect(store.figures.counters()).toMatchObject({ pending: 0, unsigned: 3 })
  })
})

describe('evidence that is no longer in memory', () => {
  const archivedIn = (find: EvidenceArchive['find']) => new ContextStore(systemClock, { find, async *bodies() {} })
  async function archived(change: (entry: EvidenceEntry) => EvidenceEntry = (entry) => entry) {
    const seen = await followed()
    await call(seen.exchanges)
    await settled(seen.store, 3)
    const folder = mkdtempSync(joinPath(tmpdir(), 'countersign-'))
    const journal = await Journal.open({ folder })
    for (const entry of seen.client.journal) await journal.append(change(entry))
    // A store that has the rows, and whose memory has gone over to others.
    const later = archivedIn((where) => findEntry(folder, where))
    for (const { row } of seen.store.all())
      later.index.add({ ...seen.store.index.get(numberOf(row.ref)), ...row, gateway: 'desk' })
    return { later, close: () => journal.close() }
  }

  it('comes from the journal, and is verified as if it had never left', async () => {
    const { later, close } = await archived()
    expect(later.all().every(({ recorded }) => recorded === undefined)).toBe(true)
    for (const { row } of later.all()) {
      const detail = await contextDetail(later, row.ref, false)
      expect(parseResult('contextDetail', detail), row.kind).toEqual(detail)
      expect(detail.statementIs).toBe('verified')
      expect(detail.checks.filter(({ state }) => state !== 'passed')).toEqual([])
      expect(detail.question?.text).toBe(CALL)
    }
    await close()
  })

  it('is not believed when the journal holds another statement there, and says so', async () => {
    const other = await followed()
    await call(other.exchanges)
    const foreign = other.client.journal.find(({ how }) => how === 'received')
    await other.pair.client.close()
    const { later, close } = await archived()
    if (foreign === undefined) throw new Error('nothing was received')
    const forged = archivedIn(async () => foreign)
    for (const { row } of later.all())
      forged.index.add({ ...later.index.get(numberOf(row.ref)), ...row, gateway: 'desk' })
    const answer = forged.all().find(({ row }) => row.kind === 'response')
    await expect(contextDetail(forged, answer?.row.ref ?? '', false)).rejects.toMatchObject({
      code: 'statement-invalid',
    })
    await close()
  })

  it('that the journal lost is missed, not passed over', async () => {
    const { later, close } = await archived()
    const empty = new ContextStore(systemClock)
    for (const { row } of later.all())
      empty.index.add({ ...later.index.get(numberOf(row.ref)), ...row, gateway: 'desk' })
    await expect(contextDetail(empty, empty.all()[0]?.row.ref ?? '', false)).rejects.toMatchObject({
      code: 'file-unreadable',
    })
    await close()
  })
})

describe('receipts', () => {
  it('mark what the other side acknowledged, and when the session is over what it never will', async () => {
    const { store, exchanges, recorder } = await followed()
    for (let at = 0; at < 3; at++) await call(exchanges)
    await settled(store, 9)
    const receipts = () => store.all().map(({ row }) => [row.dir, row.receipt ?? 'open'].join(' '))
    expect(receipts()).toContain('c2s acknowledged')
    expect(receipts()).toContain('s2c acknowledged')
    expect(receipts()).toContain('s2c open')
    const [first] = store.all()
    const detail = await contextDetail(store, first?.row.ref ?? '', false)
    expect(detail.acknowledgedBy?.seq).toBe(0)
    recorder.ended()
    expect(receipts()).toContain('s2c never')
    expect(receipts().join()).not.toContain('open')
  })
})

describe('copied evidence', () => {
  it('is a journal that the offline verifier accepts, and not when one character differs', async () => {
    const { store, exchanges, client } = await followed()
    await call(exchanges)
    await settled(store, 3)
    const [question] = store.all()
    if (question?.recorded === undefined) throw new Error('no evidence')
    const line = evidenceLine(question.recorded)
    for (const one of line.trimEnd().split('\n')) expect(() => parseLine(encodeUtf8(one))).not.toThrow()
    expect(await states(line, client.signer.kid)).not.toContain('false')
    expect(
      await states(line.replace('"seq":0', '"seq":7').replace('\\"seq\\":0', '\\"seq\\":7'), client.signer.kid),
    ).toContain('false')
  })
})

async function states(lines: string, kid: string): Promise<string[]> {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield encodeUtf8(lines)
  }
  const found: string[] = []
  for await (const { state } of new OfflineVerifier(new Map([[kid, {}]])).verifyFile('copied', input()))
    found.push(state)
  expect(found.length).toBeGreaterThan(0)
  return found
}

function reportOf({ client }: Pair) {
  return { sid: client.sid, suite: client.suite, conn: client.sid }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
