import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CountersignError } from './errors.ts'
import { said } from './l10n.ts'

/** A lock of another time was left behind by a process that was killed: what is done under one takes milliseconds. */
const STALE_MS = 30_000
const PATIENCE_MS = 10_000
const PAUSE_MS = 10
let taken = 0

/**
 * Runs `work` while no other process, nor another place of this one, changes this file: two that read it, change it and
 * write it back at once would lose what one of them wrote. Makes the folder, mode 0700, where there is none.
 * @throws CountersignError `file-unreadable` where the lock cannot be made, or somebody else has it for 10 s
 */
export async function whileLocked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.writing`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await take(lock, file)
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    const sentence = said`${file} cannot be written. Check the folder and its permissions.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
  try {
    return await work()
  } finally {
    await unlink(lock).catch(() => {})
  }
}

async function take(lock: string, file: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (!(await made(lock))) {
    if (performance.now() > until) {
      throw new CountersignError('file-unreadable', said`Another program is writing ${file}. Try again in a moment.`)
    }
    await withoutStale(lock)
    await sleep(PAUSE_MS)
  }
}

async function made(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close()
    return true
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false
    throw thrown
  }
}

/** Aside first, and looked at there: of two that find it one may already have made a new one, which is not the other's to take. */
async function withoutStale(lock: string): Promise<void> {
  const found = await stat(lock).catch(() => undefined)
  if (found === undefined || Math.abs(Date.now() - found.mtimeMs) < STALE_MS) return
  const aside = `${lock}.${process.pid}-${taken++}`
  try {
    await rename(lock, aside)
    const { ino, mtimeMs } = await stat(aside)
    if (ino !== found.ino || mtimeMs !== found.mtimeMs) await link(aside, lock)
    await unlink(aside)
  } catch {
    // Somebody else was faster.
  }
}
