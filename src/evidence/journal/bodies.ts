import { createReadStream } from 'node:fs'
import { CountersignError } from '../../support/errors.ts'
import { parseStatement } from '../statement.ts'
import type { Direction, EvidenceEntry } from '../types.ts'
import { readJournal } from './reader.ts'
import { openJournal } from './store.ts'

/** One context as a file holds it: nothing of it is verified. */
export interface JournalBody {
  readonly sid: string
  readonly dir: Direction
  readonly seq: number
  /** Absent where only its digest was kept, or where it was encrypted. */
  readonly context?: Uint8Array | undefined
}

/** A file is written after what it holds came; how much coarser than ours a file system's clock may be, ms. */
const COARSE = 5_000

/**
 * The contexts of a journal, as a stream: the newest file first, each from its beginning. Files that were not written since
 * then are passed over. A file that cannot be read says so, and the next one follows.
 * @throws the reason of `signal`
 */
export async function* journalBodies(
  folder: string,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<JournalBody | 'unreadable'> {
  for (const path of await paths(folder, since)) {
    if (path === undefined) {
      yield 'unreadable'
      continue
    }
    try {
      for await (const item of readJournal(createReadStream(path, { signal }))) {
        const body = item.kind === 'entry' ? bodyOf(item.entry) : undefined
        if (body !== undefined) yield body
      }
    } catch {
      signal.throwIfAborted()
      yield 'unreadable'
    }
  }
}

/** `undefined` stands for a folder that cannot be read. */
async function paths(folder: string, since: number): Promise<(string | undefined)[]> {
  try {
    const { files } = await openJournal(folder)
    return files.toReversed().flatMap(({ path, writtenAt }) => (writtenAt >= since - COARSE ? [path] : []))
  } catch {
    return [undefined]
  }
}

function bodyOf({ statement, context }: EvidenceEntry): JournalBody | undefined {
  try {
    const { sid, dir, seq } = parseStatement(statement)
    return { sid, dir, seq, context }
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}
