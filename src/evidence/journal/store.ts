import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { parseStatement } from '../statement.ts'
import type { Direction, EvidenceEntry } from '../types.ts'
import { keyOf, type JournalLine } from './format.ts'
import type { Holder } from './holder.ts'
import type { IndexedRecord, SegmentIndex } from './index/format.ts'
import { indexOf, makeIndex, readPlaces } from './index/files.ts'
import { JournalHistory } from './history.ts'
import { holderOf } from './lock.ts'
import { inOrder, parseName } from './names.ts'
import { entryOf, type JournalItem, readJournal, sealedOf } from './reader.ts'
import type { SealedContext } from './sealing.ts'
import { parsed } from './tail.ts'

/** One file of lines of a journal. */
export interface JournalFile {
  readonly name: string
  readonly path: string
  readonly bytes: number
  /** When it was written last, ms since 1970. */
  readonly writtenAt: number
  readonly series: string
  /** Absent for a journal of one file. */
  readonly segment?: number
  /** The process that writes it. */
  readonly held?: Holder | 'unknown'
}

/** What is looked for; all that is named must hold. */
export interface JournalQuery {
  readonly sid?: string
  readonly dir?: Direction
  readonly seq?: number
  /** Milliseconds of the entries' `at`; `to` is excluded. */
  readonly from?: number
  readonly to?: number
  /** Digests of contexts, as statements write them. */
  readonly digests?: ReadonlySet<string>
}

/** An entry exactly as it was written. Nothing of it is verified. */
export interface LocatedEntry {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly entry: EvidenceEntry
  /** The context, where it was encrypted. */
  readonly sealed?: SealedContext
}

export type LocatedItem = JournalItem & { readonly file: string }

/** A folder of a journal, to be read. What is read is not verified, and an index can hide records: `verify` uses none. */
export interface JournalFolder {
  /** In reading order: the oldest series first, each from its first segment on. As the folder was when it was opened. */
  readonly files: readonly JournalFile[]
  /**
   * Everything in all files, then what they say of each other (line 0 or 1 of a file). That a file which somebody writes has no end
   * yet is not said.
   */
  read(signal?: AbortSignal): AsyncGenerator<LocatedItem>
  /** In reading order. @throws what the file system says; the reason of `signal` */
  find(query: JournalQuery, signal?: AbortSignal): AsyncGenerator<LocatedEntry>
  /** The newest entries by their `at`, newest first. */
  latest(count: number, signal?: AbortSignal): Promise<LocatedEntry[]>
}

/** @throws CountersignError `file-unreadable` */
export async function openJournal(folder: string): Promise<JournalFolder> {
  try {
    return new Folder(await filesIn(folder))
  } catch (cause) {
    const sentence = said('The folder of the journal cannot be read; check its path and permissions.')
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

/**
 * The entry of one statement, as it was written; undefined where no file holds it. Sees what this process has just written.
 * @throws CountersignError `file-unreadable`; the reason of `signal`
 */
export async function findEntry(
  folder: string,
  where: { readonly sid: string; readonly dir: Direction; readonly seq: number },
  signal?: AbortSignal,
): Promise<EvidenceEntry | undefined> {
  for await (const { entry } of (await openJournal(folder)).find(where, signal)) return entry
  return undefined
}

async function filesIn(folder: string): Promise<JournalFile[]> {
  const names = inOrder(await readdir(folder))
  const held = new Map<string, Holder | 'unknown' | undefined>()
  const files: JournalFile[] = []
  for (const [at, name] of names.entries()) {
    const { series, number } = parseName(name) ?? {}
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (series === undefined || found === undefined) continue
    if (!held.has(series)) held.set(series, await holderOf(folder, series))
    const isLast = parseName(names[at + 1] ?? '')?.series !== series
    const holder = isLast ? held.get(series) : undefined
    const about = { name, path, bytes: found.size, writtenAt: found.mtimeMs, series }
    files.push({ ...about, ...(number !== undefined && { segment: number }), ...(holder && { held: holder }) })
  }
  return files
}

class Folder implements JournalFolder {
  readonly files: readonly JournalFile[]

  constructor(files: readonly JournalFile[]) {
    this.files = files
  }

  async *read(signal?: AbortSignal): AsyncGenerator<LocatedItem> {
    const history = new JournalHistory()
    for (const { name, path, held } of this.files) {
      const input = createReadStream(path, { signal })
      for await (const item of readJournal(input, history.file(name))) {
        if (held !== undefined && item.kind === 'incomplete' && item.open === true) continue
        yield { ...item, file: name }
      }
    }
    yield* history.finish()
  }

  async *find(query: JournalQuery, signal?: AbortSignal): AsyncGenerator<LocatedEntry> {
    const wanted = ({ sids, from, to }: SegmentIndex['header']) =>
      (query.sid === undefined || sids.includes(query.sid)) && from < (query.to ?? Infinity) && to >= (query.from ?? 0)
    for (const file of this.files) {
      signal?.throwIfAborted()
      const index = await indexOf(file.path, file.held !== undefined, wanted, signal)
      if (index === undefined) continue
      yield* entriesAt(file, index, (record, of) => matches(query, record, of), signal)
    }
  }

  async latest(count: number, signal?: AbortSignal): Promise<LocatedEntry[]> {
    const newest: LocatedEntry[] = []
    for (const file of this.files.toSorted((one, other) => other.writtenAt - one.writtenAt)) {
      const oldest = newest[count - 1]?.entry.at
      // Nothing in a file is newer than its last write, as long as the clock went on.
      if (oldest !== undefined && file.writtenAt < oldest) break
      const index = await indexOf(file.path, file.held !== undefined, () => true, signal)
      if (index === undefined) continue
      const times = index.records.map(({ at }) => at).toSorted((one, other) => other - one)
      const since = times[count - 1] ?? 0
      for await (const entry of entriesAt(file, index, ({ at }) => at >= since, signal)) newest.push(entry)
      newest.sort((one, other) => other.entry.at - one.entry.at)
      newest.length = Math.min(newest.length, count)
    }
    return newest
  }
}

function matches(query: JournalQuery, { sid, dir, seq, at, digest }: IndexedRecord, { header }: SegmentIndex): boolean {
  if (query.sid !== undefined && header.sids[sid] !== query.sid) return false
  if (query.dir !== undefined && dir !== query.dir) return false
  if (query.seq !== undefined && seq !== query.seq) return false
  if (at < (query.from ?? 0) || at >= (query.to ?? Infinity)) return false
  return query.digests?.has(digest) ?? true
}

/** The entries of records that are chosen. An index that leads to anything else is made anew, once. */
async function* entriesAt(
  file: JournalFile,
  index: SegmentIndex,
  chosen: (record: IndexedRecord, index: SegmentIndex) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<LocatedEntry> {
  let from = index
  let remade = false
  for (let at = 0; at < from.records.length; at++) {
    signal?.throwIfAborted()
    const record = from.records[at]
    if (record === undefined || !chosen(record, from)) continue
    const located = await entryAt(file, from, record)
    if (located !== undefined) {
      yield located
      continue
    }
    if (remade) continue
    // The file is the truth: its own records from the same place on.
    from = await makeIndex(file.path, file.held !== undefined, signal)
    remade = true
    at -= 1
  }
}

/** undefined where the index does not lead to the record that it names. */
async function entryAt(
  file: JournalFile,
  index: SegmentIndex,
  record: IndexedRecord,
): Promise<LocatedEntry | undefined> {
  const batchPlace = index.batches[record.batch]
  const keyPlace = index.keys[batchPlace?.[2] ?? -1]
  if (batchPlace === undefined || keyPlace === undefined) return undefined
  const [start, length] = batchPlace
  const places = [[record.start, record.length], [start, length], keyPlace, [0, index.segment]] as const
  const [line, batch, key, segment] = (await readPlaces(file.path, places)).map((bytes) => parsed(bytes))
  const [of, by, signed, first] = [line?.line, batch?.line, key?.line, segment?.line]
  if (line === undefined || of?.type !== 'record' || by?.type !== 'batch' || signed?.type !== 'key') return undefined
  if (by.digest !== of.batch || by.kid !== signed.kid || !isRecord(of, record, index)) return undefined
  const sealed = sealedOf(of, line.n, first?.type === 'segment' ? first : undefined)
  const entry = entryOf(of, { jws: by.jws, signer: keyOf(signed) })
  return { file: file.name, line: record.line, entry, ...(sealed && { sealed }) }
}

function isRecord(line: JournalLine & { type: 'record' }, record: IndexedRecord, { header }: SegmentIndex): boolean {
  try {
    const { sid, dir, seq, ctx } = parseStatement(line.statement)
    const same = sid === header.sids[record.sid] && dir === record.dir && seq === record.seq
    return same && ctx.digest === record.digest && line.at === record.at
  } catch {
    return false
  }
}
