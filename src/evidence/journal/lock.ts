import { open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { encodeHolder, type Holder, MAX_LOCK_BYTES, mayRun, parseHolder, thisHolder } from './holder.ts'
import { lockFile, MAX_SEGMENT, parseName } from './names.ts'

/** A lock that says nothing (its process was killed while it wrote it) counts for so long, in milliseconds. */
const UNREADABLE_FOR = 10_000

/** The right to write one series. */
export interface SeriesLock {
  release(): Promise<void>
}

/** The lock, or who has it. */
export type Claim = { readonly lock: SeriesLock } | { readonly heldBy: Holder | 'unknown' }

interface Found {
  readonly generation: number
  /** undefined where it does not say who. */
  readonly holder: Holder | undefined
  readonly live: boolean
}

/**
 * Node has no flock. A lock is a file that is made exclusively; one whose process is gone is not removed but outnumbered: the
 * next generation is made exclusively too, so that of two processes that find the same dead lock one wins. Nothing rests on this
 * alone: segments are made exclusively as well, so two processes never write one file.
 * @throws CountersignError `journal-write`
 */
export async function lockSeries(folder: string, series: string, now: number): Promise<Claim> {
  const before = await locksOf(folder, series)
  const live = before.find((lock) => lock.live)
  if (live !== undefined) return { heldBy: live.holder ?? 'unknown' }
  const generation = Math.max(-1, ...before.map((lock) => lock.generation)) + 1
  const path = join(folder, lockFile(series, generation))
  if (generation > MAX_SEGMENT || !(await make(path, now))) return { heldBy: 'unknown' }
  const others = (await locksOf(folder, series)).filter((lock) => lock.generation !== generation)
  const other = others.find((lock) => lock.live)
  if (other !== undefined) {
    // Somebody who came by another generation at the same time. Both may give way; neither writes beside the other.
    await unlink(path).catch(() => {})
    return { heldBy: other.holder ?? 'unknown' }
  }
  for (const dead of others) await unlink(join(folder, lockFile(series, dead.generation))).catch(() => {})
  return { lock: { release: () => unlink(path).catch(() => {}) } }
}

/** Who holds a series; undefined where nobody does. */
export async function holderOf(folder: string, series: string): Promise<Holder | 'unknown' | undefined> {
  const live = (await locksOf(folder, series)).find((lock) => lock.live)
  return live === undefined ? undefined : (live.holder ?? 'unknown')
}

async function locksOf(folder: string, series: string): Promise<Found[]> {
  const names = (await readdir(folder)).map(parseName)
  const generations = names.flatMap((name) =>
    name?.kind === 'lock' && name.series === series && name.number !== undefined ? [name.number] : [],
  )
  const found = await Promise.all(generations.map((generation) => read(folder, series, generation)))
  return found.filter((lock) => lock !== undefined)
}

/** undefined where it was released meanwhile. */
async function read(folder: string, series: string, generation: number): Promise<Found | undefined> {
  const path = join(folder, lockFile(series, generation))
  try {
    const { mtimeMs } = await stat(path)
    const holder = await readHolder(path)
    const live = holder === undefined ? Math.abs(Date.now() - mtimeMs) < UNREADABLE_FOR : mayRun(holder)
    return { generation, holder, live }
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    // What cannot be looked at may be held.
    return { generation, holder: undefined, live: true }
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(MAX_LOCK_BYTES + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return parseHolder(buffer.subarray(0, bytesRead))
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  } finally {
    await file.close()
  }
}

/** @returns false where somebody else made it */
async function make(path: string, now: number): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(encodeHolder(thisHolder(now)))
    } finally {
      await file.close()
    }
    return true
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false
    const sentence = said(
      'The folder of the journal cannot be written to; check its permissions and the space on the disk.',
    )
    throw new CountersignError('journal-write', sentence, { cause })
  }
}
