import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Disk } from './disk.ts'
import { CHAIN_START } from './lineChain.ts'
import { holderOf } from './lock.ts'
import { indexFile, inOrder, parseName } from './names.ts'
import type { Segment } from './segment.ts'
import { readTail } from './tail.ts'

/** What the whole folder may keep, over all series. What is absent is no limit. */
export interface KeepLimits {
  readonly bytes?: number
  /** Milliseconds since a file was written last. */
  readonly age?: number
}

interface PruneOptions {
  readonly folder: string
  readonly keep: KeepLimits
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  /** Where it is written down what was deleted; this file stays. */
  readonly segment: Segment
  readonly series: string
}

interface OldFile {
  readonly name: string
  readonly bytes: number
  readonly writtenAt: number
}

/** A journal of one file has no lock: it counts as written for so long after its last line, in milliseconds. */
const SINGLE_FILE_HELD = 24 * 3_600_000

/**
 * Deletes the oldest files while the limits are exceeded: of each series from its beginning on, never the file that somebody may
 * still write. Each is named in the journal, on the disk, before it is gone; so what is missing later is known to be missing, and
 * why. An age that the clock makes negative deletes nothing.
 * @throws CountersignError `journal-write`, and what the file system says
 */
export async function prune(options: PruneOptions): Promise<void> {
  const { folder, keep, clock } = options
  if (keep.bytes === undefined && keep.age === undefined) return
  const { all, deletable } = await filesOf(folder, options.segment.name)
  let total = all.reduce((sum, { bytes }) => sum + bytes, 0)
  for (;;) {
    const oldest = oldestOf(deletable)
    if (oldest === undefined) return
    const tooMuch = keep.bytes !== undefined && total > keep.bytes
    if (!tooMuch && !(keep.age !== undefined && clock.now() - oldest.writtenAt > keep.age)) return
    await remove(oldest, tooMuch ? 'size' : 'age', options)
    total -= oldest.bytes
  }
}

async function filesOf(folder: string, current: string): Promise<{ all: OldFile[]; deletable: OldFile[][] }> {
  const all: OldFile[] = []
  const groups = new Map<string, OldFile[]>()
  for (const name of inOrder(await readdir(folder))) {
    const parsed = parseName(name)
    // Deleted by another process meanwhile.
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (parsed === undefined || found === undefined) continue
    const file = { name, bytes: found.size, writtenAt: found.mtimeMs }
    all.push(file)
    const group = parsed.number === undefined ? name : parsed.series
    groups.set(group, [...(groups.get(group) ?? []), file])
  }
  const deletable = await Promise.all([...groups.values()].map((group) => unheld(folder, group, current)))
  return { all, deletable }
}

/** Without the last file of a series that is written. */
async function unheld(folder: string, group: readonly OldFile[], current: string): Promise<OldFile[]> {
  const last = group.at(-1)
  const name = last === undefined ? undefined : parseName(last.name)
  if (last === undefined || name === undefined) return []
  const single = name.number === undefined && Math.abs(Date.now() - last.writtenAt) < SINGLE_FILE_HELD
  const held = single || last.name === current || (await holderOf(folder, name.series)) !== undefined
  return held ? group.slice(0, -1) : [...group]
}

/** The first file of the series that was written longest ago: within a series numbers decide, whatever the clock did. */
function oldestOf(groups: OldFile[][]): OldFile | undefined {
  const oldest = groups
    .filter((group) => group.length > 0)
    .toSorted(([one], [other]) => (one?.writtenAt ?? 0) - (other?.writtenAt ?? 0))[0]
  return oldest?.shift()
}

async function remove({ name, bytes }: OldFile, why: 'size' | 'age', options: PruneOptions): Promise<void> {
  const { folder, clock, disk, log, segment } = options
  const path = join(folder, name)
  const { next, head } = (await readTail(path)) ?? CHAIN_START
  await segment.pruned({ type: 'pruned', at: clock.now(), file: name, bytes, why, next, head })
  await disk.remove(path)
  await disk.remove(join(folder, indexFile(name))).catch(() => {})
  log.log('info', 'an old segment of the journal was deleted', { file: name, bytes, why })
}
