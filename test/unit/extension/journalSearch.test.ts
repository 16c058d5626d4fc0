import { once } from 'node:events'
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { NO_FILTER } from '../../../src/contracts/panelContexts.ts'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { RECIPIENT_SEED_LENGTH, recipientKey } from '../../../src/crypto/recipient.ts'
import { journalBodies } from '../../../src/evidence/journal/bodies.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { ContextIndex } from '../../../src/extension/evidence/list/contextIndex.ts'
import { ContextView } from '../../../src/extension/evidence/list/contextView.ts'
import { searchJournal } from '../../../src/extension/evidence/list/journalSearch.ts'
import { ContextFeed } from '../../../src/extension/panel/contextFeed.ts'
import { NOW, SID } from '../evidence/build.ts'
import { Conversation } from '../evidence/conversation.ts'
import { filesOf, newFolder, SMALL, writeAll } from '../evidence/journalFolder.ts'

/** Twelve questions, the even ones about apples, and what another session asked. */
let entries: readonly EvidenceEntry[]
let foreign: readonly EvidenceEntry[]
beforeAll(async () => {
  const [own, other] = [new Conversation(), new Conversation(Buffer.alloc(48, 9).toString('base64url'))]
  for (let n = 0; n < 12; n++) await own.ask({}, encodeUtf8(`{"of":"${n % 2 === 0 ? 'Äpfel' : 'pears'} ${n}"}`))
  await other.ask({}, encodeUtf8('{"of":"Äpfel"}'))
  entries = own.entries
  foreign = other.entries
})

/** Rows of contexts whose evidence nobody remembers. */
function listed(of: readonly EvidenceEntry[] = entries): ContextIndex {
  const index = new ContextIndex()
  for (const { statement } of of) {
    const { sid, dir, seq, ctx } = parseStatement(statement)
    const said = { verdict: 'verified', custody: 'hsm', kind: 'request', server: 'files', gateway: 'desk' } as const
    index.add({ ...said, at: NOW, size: ctx.length, sid, dir, seq })
  }
  return index
}

async function written(options = {}): Promise<string> {
  const folder = await newFolder()
  await (await writeAll(folder, [...entries, ...foreign], options)).close()
  return folder
}

const never = new AbortController().signal

async function searched(text: string, folder: string, index = listed()) {
  const view = new ContextView({ ...NO_FILTER, text }, { index, textOf: () => undefined, now: () => 0 })
  view.slice()
  await searchJournal(
    view,
    (...given) => journalBodies(folder, ...given),
    () => 0,
    never,
    () => {},
  )
  const rows: number[] = []
  for (let at = view.first; at < view.end; at++) rows.push(view.at(at) ?? -1)
  return { rows, view, journal: view.journal }
}

const DONE = { of: 12, searched: 12, unkept: 0, missing: 0, unreadable: 0, over: true }

describe('the text of contexts that only the journal has', () => {
  it('is found as if they were in memory, in the order of the list, whatever the order of the files', async () => {
    const { rows, journal, view } = await searched('äPFEL files', await written(SMALL))
    expect(rows).toEqual([0, 2, 4, 6, 8, 10])
    expect([journal, view.texts]).toEqual([DONE, 12])
    for (const row of rows) expect(view.at(view.find(row) ?? 1e9)).toBe(row)
    expect((await searched('äpfel pears', await written())).rows).toEqual([])
  })

  it('counts for rows of the list only, and is not asked for where names decide', async () => {
    const { rows, journal } = await searched('äpfel', await written(), listed(entries.slice(0, 3)))
    expect([rows, journal]).toEqual([[0, 2], { ...DONE, of: 3, searched: 3 }])
    const named = await searched('server:files', await written())
    expect([named.rows.length, named.journal]).toEqual([12, undefined])
  })

  it('says how many were kept as digest only or encrypted, and how many were not found', async () => {
    const key = await recipientKey(randomBytes(RECIPIENT_SEED_LENGTH))
    const unkept = { ...DONE, searched: 0, unkept: 12 }
    for (const contexts of ['digest', { encryptTo: key.publicKey }] as const) {
      const { rows, journal } = await searched('äpfel', await written({ contexts }))
      expect([rows, journal]).toEqual([[], unkept])
    }
    const { journal } = await searched('äpfel', await written(), listed([...entries, ...foreign]))
    expect(journal).toEqual({ ...DONE, of: 13, searched: 13 })
    const folder = await newFolder()
    await (await writeAll(folder, entries.slice(0, 9))).close()
    expect((await searched('äpfel', folder)).journal).toEqual({ ...DONE, searched: 9, missing: 3 })
  })

  it('goes on behind a file that cannot be read, and one without a line, and says what is missing', async () => {
    const folder = await written(SMALL)
    const [first = '', second = ''] = await filesOf(folder)
    const inFirst = (await readFile(first, 'utf8')).split('"type":"record"').length - 1
    await rm(first)
    await mkdir(first)
    const { rows, journal } = await searched('äpfel', folder)
    expect(journal).toEqual({ ...DONE, searched: 12 - inFirst, missing: inFirst, unreadable: 1 })
    expect(rows).toEqual([0, 2, 4, 6, 8, 10].filter((row) => row >= inFirst))
    await writeFile(second, 'no line of a journal\n')
    expect((await searched('äpfel', folder)).journal?.missing).toBeGreaterThan(inFirst)
    expect((await searched('äpfel', `${folder}-absent`)).journal).toMatchObject({ missing: 12, unreadable: 1 })
  })

  it('is read from the newest file on, and in no file that was not written since', async () => {
    const folder = await written(SMALL)
    const [first = ''] = await filesOf(folder)
    const read = async () => {
      const seqs: number[] = []
      for await (const body of journalBodies(folder, NOW, never))
        if (body !== 'unreadable' && body.sid === SID) seqs.push(body.seq)
      return seqs
    }
    const all = await read()
    expect(all).toHaveLength(12)
    expect(all.indexOf(11)).toBeLessThan(all.indexOf(0))
    await utimes(first, 1, 1)
    expect(await read()).not.toContain(0)
  })
})

describe('a search in the journal', () => {
  /** Stands still behind the third context until it is cancelled. */
  function feeding() {
    const index = listed()
    const signals: AbortSignal[] = []
    const read: number[] = []
    let ended = () => {}
    const over = new Promise<void>((resolve) => {
      ended = resolve
    })
    const contexts = {
      index,
      receipts: { take: () => [] },
      row: () => undefined,
      textOf: () => undefined,
      onChange: () => ({ dispose: () => {} }),
      async *bodies(since: number, signal: AbortSignal) {
        signals.push(signal)
        try {
          for await (const body of journalBodies(await written(), since, signal)) {
            if (body !== 'unreadable') read.push(body.seq)
            yield body
            if (read.length === 3 && !signal.aborted) await once(signal, 'abort')
          }
        } finally {
          ended()
        }
      },
    }
    let time = 0
    const feed = new ContextFeed({ contexts, post: () => {}, now: () => (time += 10) })
    const set = (text: string) => feed.setFilter({ filter: { ...NO_FILTER, text }, hold: false }).list
    return { feed, set, signals, read, over }
  }
  const standing = async (read: readonly number[]) => await expect.poll(() => read.length).toBe(3)

  it('runs only while a text is looked for, and says how far it is', async () => {
    const { feed, set, signals, read } = feeding()
    expect(set('').journal).toBeUndefined()
    expect(set('tool:x').journal).toBeUndefined()
    expect(signals).toEqual([])
    expect(set('äpfel').journal).toEqual({ ...DONE, searched: 0, over: false })
    await standing(read)
    await expect.poll(() => set('äpfel')).toMatchObject({ end: 0, first: -2, journal: { searched: 3, over: false } })
    feed.dispose()
  })

  it.each([
    ['another letter', ({ set }: ReturnType<typeof feeding>) => set('tool:y')],
    ['clearing the filter', ({ set }: ReturnType<typeof feeding>) => set('')],
    ['closing the panel', ({ feed }: ReturnType<typeof feeding>) => feed.stop()],
  ])('is cancelled by %s, in the middle', async (_, act) => {
    const feeds = feeding()
    feeds.set('äpfel')
    await standing(feeds.read)
    act(feeds)
    expect(feeds.signals.map(({ aborted }) => aborted)).toEqual([true])
    await feeds.over
    // One more may have been on its way, and nine were to come.
    expect(feeds.read.length).toBeLessThan(5)
    feeds.feed.dispose()
  })
})
