import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Disk } from './disk.ts'
import { holderText } from './holder.ts'
import { CHAIN_START, type ChainPosition } from './lineChain.ts'
import { lockSeries, type SeriesLock } from './lock.ts'
import { inOrder, MAX_SEGMENT, parseName, seriesName } from './names.ts'
import { readTail } from './tail.ts'

/** Where a series ends on the disk. */
export interface SeriesEnd extends ChainPosition {
  /** Bytes behind the last whole line, which a crash left. */
  readonly cut: number
  /** Of the segment that comes next. */
  readonly nextNumber: number
}

/** A series that this process alone writes. */
export interface Series {
  readonly name: string
  readonly end: SeriesEnd
  readonly nextNumber: number
  readonly lock: SeriesLock
}

interface ClaimOptions {
  readonly now: number
  readonly disk: Disk
  readonly log: Log
}

const RANDOM_BYTES = 9

/**
 * The newest series of a folder that nobody writes, to go on with, or a new one.
 * @throws CountersignError `journal-write`
 */
export async function claimSeries(folder: string, { now, disk, log }: ClaimOptions): Promise<Series> {
  for (const name of (await seriesIn(folder)).toReversed()) {
    const claimed = await goOn(folder, name, { now, disk, log })
    if (claimed !== undefined) return claimed
  }
  const name = seriesName(now, encodeBase64url(randomBytes(RANDOM_BYTES)))
  const claim = await lockSeries(folder, name, now)
  if ('heldBy' in claim) throw new CountersignError('internal', 'A new series is held by somebody else.')
  return { name, end: { ...CHAIN_START, cut: 0, nextNumber: 0 }, nextNumber: 0, lock: claim.lock }
}

async function goOn(folder: string, name: string, { now, disk, log }: ClaimOptions): Promise<Series | undefined> {
  const claim = await lockSeries(folder, name, now)
  if ('heldBy' in claim) {
    const holder = claim.heldBy === 'unknown' ? 'a process that cannot be named' : holderText(claim.heldBy)
    log.log('info', 'another process writes this journal too; a series beside its own is begun', {
      series: name,
      holder,
    })
    return undefined
  }
  try {
    const end = await endOf(folder, name, disk)
    if (end.cut > 0) {
      log.log('warn', 'the journal was cut off by a crash; what was not whole is left where it is', { bytes: end.cut })
    }
    if (end.nextNumber <= MAX_SEGMENT) return { name, end, nextNumber: end.nextNumber, lock: claim.lock }
  } catch {
    log.log('warn', 'the end of a journal cannot be read; another series is begun', { series: name })
  }
  await claim.lock.release()
  return undefined
}

/** Series with segments, in the order in which they began. */
async function seriesIn(folder: string): Promise<string[]> {
  const names = inOrder(await readdir(folder)).map(parseName)
  return [...new Set(names.flatMap((name) => (name?.number === undefined ? [] : [name.series])))]
}

/**
 * What the next segment carries over. The last file may have no whole line at all; then the one before it tells. It is brought to
 * the disk first: a segment must not outlive the one that it follows.
 * @throws what the file system says
 */
export async function endOf(folder: string, series: string, disk: Disk): Promise<SeriesEnd> {
  const segments = inOrder(await readdir(folder)).flatMap((file) => {
    const name = parseName(file)
    return name?.series === series && name.number !== undefined ? [{ file, number: name.number }] : []
  })
  const nextNumber = (segments.at(-1)?.number ?? -1) + 1
  for (const { file } of segments.toReversed()) {
    const path = join(folder, file)
    const tail = await readTail(path)
    if (tail === undefined) continue
    await disk.sync(path)
    return { next: tail.next, head: tail.head, cut: tail.cut, nextNumber }
  }
  return { ...CHAIN_START, cut: 0, nextNumber }
}
