import { type FileHandle, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { encodeBase64url } from '../../../crypto/encoding.ts'
import { sha384Text } from '../../../crypto/hash.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { CountersignError } from '../../../support/errors.ts'
import { MAX_LINE_BYTES } from '../format.ts'
import { indexFile } from '../names.ts'
import { Recent } from '../recent.ts'
import { IndexBuilder } from './build.ts'
import { encodeIndex, type IndexHeader, parseIndexBody, parseIndexHeader, type SegmentIndex } from './format.ts'

const LINE_FEED = 10
/** Largest header that is looked at: it has 67 bytes for each session of the file. */
const MAX_HEADER = 1024 * 1024
/** Files that are still written are indexed in memory, each time a bit further; of so many. */
const growing = new Recent<IndexBuilder>(4)

/**
 * The index of a file, if `wanted` finds anything in its header. From beside the file where it fits; else it is made, and put there
 * once the file does not grow any more. A folder that may only be read is read without.
 * @param held the file is still written
 * @throws what the file system says; the reason of `signal`
 */
export async function indexOf(
  path: string,
  held: boolean,
  wanted: (header: IndexHeader) => boolean,
  signal?: AbortSignal,
): Promise<SegmentIndex | undefined> {
  const stored = await readIndex(path, wanted).catch(ignoring('decode'))
  if (stored === 'not wanted') return undefined
  if (stored !== undefined) return stored
  return only(await makeIndex(path, held, signal), wanted)
}

/** From the file alone, in place of an index that led nowhere. @throws as `indexOf` */
export async function makeIndex(path: string, held: boolean, signal?: AbortSignal): Promise<SegmentIndex> {
  const builder = growing.get(path) ?? new IndexBuilder(path)
  growing.add(path, builder)
  const index = await builder.update(signal)
  if (held) return index
  growing.delete(path)
  await publish(path, index)
  return index
}

function only(index: SegmentIndex, wanted: (header: IndexHeader) => boolean): SegmentIndex | undefined {
  return wanted(index.header) ? index : undefined
}

/** undefined where there is none that fits its file. @throws CountersignError `decode` */
async function readIndex(
  path: string,
  wanted: (header: IndexHeader) => boolean,
): Promise<SegmentIndex | 'not wanted' | undefined> {
  const place = indexFile(path)
  const file = await open(place, 'r').catch(ignoring('ENOENT'))
  if (file === undefined) return undefined
  try {
    const first = await firstLine(file)
    const header = parseIndexHeader(first)
    if (!(await fits(path, header))) return undefined
    if (!wanted(header)) return 'not wanted'
    const body = (await readFile(place)).subarray(first.length + 1, -1)
    return { header, ...parseIndexBody(body, header) }
  } finally {
    await file.close()
  }
}

/** @throws CountersignError `decode` */
async function firstLine(file: FileHandle): Promise<Uint8Array> {
  for (let length = 64 * 1024; length <= MAX_HEADER; length *= 4) {
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await file.read(buffer, 0, length, 0)
    const end = buffer.subarray(0, bytesRead).indexOf(LINE_FEED)
    if (end >= 0) return buffer.subarray(0, end)
    if (bytesRead < length) break
  }
  throw new CountersignError('decode', 'The index of a journal has no header.')
}

/** The size alone would let a file pass that was replaced by another one. */
async function fits(path: string, { size, covered, last, head }: IndexHeader): Promise<boolean> {
  if ((await stat(path)).size !== size) return false
  const length = covered - last - 1
  if (covered === 0) return true
  if (length < 0 || length > MAX_LINE_BYTES) return false
  const [line] = await readPlaces(path, [[last, length]])
  return line !== undefined && sha384Text(line) === head
}

/** Bytes at several places of a file. Shorter where the file ends before. @throws what the file system says */
export async function readPlaces(
  path: string,
  places: readonly (readonly [start: number, length: number])[],
): Promise<Uint8Array[]> {
  const file = await open(path, 'r')
  try {
    const found: Uint8Array[] = []
    for (const [start, length] of places) {
      const buffer = Buffer.alloc(Math.min(length, MAX_LINE_BYTES))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
      found.push(buffer.subarray(0, bytesRead))
    }
    return found
  } finally {
    await file.close()
  }
}

async function publish(path: string, index: SegmentIndex): Promise<void> {
  const temporary = `${indexFile(path)}.${encodeBase64url(randomBytes(6))}.tmp`
  try {
    await writeFile(temporary, encodeIndex(index), { mode: 0o600, flag: 'wx' })
    await rename(temporary, indexFile(path))
  } catch {
    // A folder that may only be read, or a full disk: the index was a convenience.
    await unlink(temporary).catch(() => {})
  }
}

function ignoring(code: string) {
  return (thrown: unknown): undefined => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === code) return undefined
    throw thrown
  }
}
