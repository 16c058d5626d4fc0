import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { openJournal } from '../../../src/evidence/journal/store.ts'
import {
  choiceFrom,
  localTime,
  ofTime,
  serversIn,
  sessionsIn,
} from '../../../src/extension/commands/evidence/evidenceChoice.ts'
import { newestRows } from '../../../src/extension/documents/nearness.ts'
import { BUNDLE_SID, parties, Talk } from '../../fakes/evidenceBundle.ts'
import { call, followed, settled } from './followed.ts'

const A = 'A'.repeat(64)
const B = 'B'.repeat(64)

describe('what is to be exported', () => {
  it('is what the panel names', () => {
    expect(choiceFrom({ sid: A })).toEqual({
      choice: { selection: { kind: 'session', sid: A } },
      name: 'session-AAAAAAAA',
      whole: true,
    })
    expect(choiceFrom({ digest: A })).toMatchObject({
      choice: { digests: new Set([A]) },
      name: 'context',
      whole: false,
    })
    expect(choiceFrom({ digests: [A, B] })).toMatchObject({ choice: { digests: new Set([A, B]) }, name: 'contexts' })
    expect(choiceFrom({ from: 5 })).toEqual(ofTime(5, undefined))
    expect(choiceFrom({ from: 5, to: 9 })?.choice.selection).toEqual({ kind: 'time', from: 5, to: 9 })
  })

  it.each([
    undefined,
    null,
    'all',
    {},
    { sid: 'x' },
    { digests: [] },
    { digests: [A, 'x'] },
    { from: '5' },
    { from: -1 },
    { from: 5, to: 1.5 },
    { from: Number.NaN },
  ])('is asked for when it is %j', (target) => {
    expect(choiceFrom(target)).toBe(undefined)
  })

  it('has times that are local, with and without an hour', () => {
    expect(localTime(' 2026-11-29 10:00 ')).toBe(new Date(2026, 10, 29, 10).getTime())
    expect(localTime('2026-11-29T10:00')).toBe(new Date(2026, 10, 29, 10).getTime())
    expect(localTime('2026-11-29')).toBe(new Date(2026, 10, 29).getTime())
    for (const bad of ['', '29.11.2026', '2026-13-01', '2026-11-29 25:00', '2026-11-29 10:00Z', '1960-01-01'])
      expect(localTime(bad), bad).toBe(undefined)
  })

  it('leaves out the servers that are named', () => {
    expect(serversIn(' files, tickets ,,files')).toEqual(new Set(['files', 'tickets']))
    expect(serversIn(' , ')).toEqual(new Set())
  })

  it('is a session of the journal, with its servers and how many contexts it has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-choice-'))
    const talk = new Talk(await parties())
    await talk.say(talk.c2s, [talk.question({ server: 'files' }), talk.question({ server: 'tickets', id: '42' })])
    const journal = await Journal.open({ folder })
    for (const entry of talk.entries) await journal.append(entry)
    await journal.close()
    const found = await sessionsIn(await openJournal(folder), new AbortController().signal)
    rmSync(folder, { recursive: true, force: true })
    expect([...found].map(([sid, { records, servers }]) => [sid, records, [...servers]])).toEqual([
      [BUNDLE_SID, 2, ['files', 'tickets']],
    ])
  })
})

describe('the contexts that a person is offered', () => {
  it('are the newest first, but the selected one before them', async () => {
    const { store, exchanges } = await followed()
    await call(exchanges)
    await settled(store, 3)
    const all = newestRows(store, {})
    const [oldest] = store.all()
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((one, other) => other - one))
    expect(all.at(-1)?.ref).toBe(oldest?.row.ref)
    const chosen = newestRows(store, { selected: oldest?.row.ref })
    expect(chosen.map(({ ref }) => ref)).toEqual([oldest?.row.ref, ...all.slice(0, -1).map(({ ref }) => ref)])
    expect(newestRows(store, { selected: 'gone-1' })).toEqual(all)
  })

  it('begin with the answer beside a question, which is not offered again', async () => {
    const { store, exchanges } = await followed()
    await call(exchanges)
    await call(exchanges)
    await settled(store, 6)
    const question = store.all().find(({ row }) => row.kind === 'request')
    if (question === undefined) throw new Error('no question')
    const beside = newestRows(store, { beside: { ref: question.row.ref, reveal: false } })
    expect(beside.map(({ ref }) => ref)).not.toContain(question.row.ref)
    expect(beside[0]).toMatchObject({ exchange: question.row.exchange })
  })
})
