import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { indexFile } from '../../../src/evidence/journal/names.ts'
import { findEntry, type JournalFolder, type JournalQuery, openJournal } from '../../../src/evidence/journal/store.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { digestOf, NOW, QUESTION, SID } from './build.ts'
import { Conversation } from './conversation.ts'
import { filesOf, newFolder, SMALL, writeAll } from './journalFolder.ts'

const OTHER_SID = Buffer.alloc(48, 9).toString('base64url')
let entries: readonly EvidenceEntry[]

beforeAll(async () => {
  const [one, two] = [new Conversation(), new Conversation(OTHER_SID)]
  for (let n = 0; n < 6; n++) {
    await one.answer(await one.ask())
    await two.answer(await two.ask())
  }
  entries = [...one.entries.slice(0, 6), ...two.entries, ...one.entries.slice(6)].map((entry, at) => ({
    ...entry,
    at: NOW + at,
  }))
})

async function written(options = {}): Promise<string> {
  const folder = await newFolder()
  await (await writeAll(folder, entries, { ...SMALL, ...options })).close()
  return folder
}

async function found(journal: JournalFolder, query: JournalQuery): Promise<number[]> {
  const ats: number[] = []
  for await (const { entry } of journal.find(query)) ats.push(entry.at - NOW)
  return ats
}

const expected = (which: (entry: EvidenceEntry) => boolean) => entries.filter(which).map(({ at }) => at - NOW)

describe('a journal that is looked into', () => {
  it('finds by session, direction, sequence, time and digest, what was written exactly', async () => {
    const journal = await openJournal(await written())
    expect(await found(journal, {})).toEqual(expected(() => true))
    const of = ({ statement }: EvidenceEntry) => parseStatement(statement)
    expect(await found(journal, { sid: OTHER_SID })).toEqual(expected((entry) => of(entry).sid === OTHER_SID))
    expect(await found(journal, { sid: SID, dir: 's2c' })).toEqual(
      expected((entry) => of(entry).sid === SID && of(entry).dir === 's2c'),
    )
    expect(await found(journal, { from: NOW + 3, to: NOW + 9 })).toEqual([3, 4, 5, 6, 7, 8])
    expect(await found(journal, { digests: new Set([digestOf(QUESTION)]) })).toEqual(
      expected(({ how }) => how === 'sent'),
    )
    expect(await found(journal, { seq: 77 })).toEqual([])
    for await (const { entry, file, line } of journal.find({ from: NOW + 5, to: NOW + 6 })) {
      const { signer, ...rest } = entries[5] ?? entry
      expect(entry).toMatchObject({ ...rest, signer: { kid: signer.kid } })
      const text = (await readFile(journal.files.find(({ name }) => name === file)?.path ?? '', 'utf8')).split('\n')
      expect(text[line - 1]).toContain(`"at":${NOW + 5}`)
    }
  })

  it('gives the newest first, of all series', async () => {
    const folder = await written()
    const latest = await (await openJournal(folder)).latest(5)
    expect(latest.map(({ entry }) => entry.at - NOW)).toEqual([23, 22, 21, 20, 19])
    expect((await (await openJournal(folder)).latest(100)).length).toBe(entries.length)
  })

  it('sees what is being written, each time more of it, and keeps no index of it', async () => {
    const folder = await newFolder()
    const journal = await writeAll(folder, entries.slice(0, 4))
    const where = { sid: SID, dir: 'c2s', seq: 2 } as const
    expect(await findEntry(folder, where)).toBeUndefined()
    await journal.append(entries[4] ?? fail())
    expect((await findEntry(folder, where))?.statement).toEqual(entries[4]?.statement)
    expect((await readdir(folder)).filter((name) => name.endsWith('.index'))).toEqual([])
    await journal.close()
    expect((await findEntry(folder, where))?.statement).toEqual(entries[4]?.statement)
    expect((await readdir(folder)).filter((name) => name.endsWith('.index')).length).toBe(1)
  })

  it('says of a file without an end only where nobody writes it any more', async () => {
    const folder = await newFolder()
    const journal = await writeAll(folder, entries, SMALL)
    const problems = async () => {
      const found: string[] = []
      for await (const item of (await openJournal(folder)).read()) if ('detail' in item) found.push(item.detail)
      return found
    }
    expect(await problems()).toEqual([])
    const last = (await openJournal(folder)).files.at(-1)?.path ?? ''
    const bytes = await readFile(last)
    await journal.close()
    await writeFile(last, bytes)
    expect(await problems()).toEqual(['the journal was not closed; later lines may be missing'])
  })

  it('makes its index anew where it is gone, broken, of another file, or leads elsewhere', async () => {
    const folder = await written()
    const [, file = ''] = await filesOf(folder)
    const whole = await found(await openJournal(folder), {})
    const index = indexFile(file)
    const text = await readFile(index, 'utf8')
    const [header = '', body = ''] = text.split('\n')
    const [first = ''] = await filesOf(folder)
    for (const broken of [
      '',
      header,
      text.slice(0, -20),
      `${header}\n{}\n`,
      await readFile(indexFile(first), 'utf8'),
      text.replace('"records":[[', '"records":[[1'),
      `${header}\n${body.replaceAll(/"records":\[\[(\d+),/g, (_, start) => `"records":[[${Number(start) - 1},`)}\n`,
    ]) {
      await writeFile(index, broken)
      expect(await found(await openJournal(folder), {})).toEqual(whole)
    }
    expect(await readFile(index, 'utf8')).toBe(text)
  })

  it('needs no right to write, and stops when it is told to', async () => {
    const folder = await written()
    await chmod(folder, 0o500)
    expect((await found(await openJournal(folder), { sid: OTHER_SID })).length).toBe(12)
    await chmod(folder, 0o700)
    const stopped = openJournal(folder).then((journal) => journal.find({}, AbortSignal.abort()).next())
    await expect(stopped).rejects.toThrow()
    await expect(openJournal(join(folder, 'absent'))).rejects.toMatchObject({ code: 'file-unreadable' })
  })
})

function fail(): never {
  throw new Error('a test has no entry')
}
