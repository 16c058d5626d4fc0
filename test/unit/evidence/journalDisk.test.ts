import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { joined } from '../../../src/crypto/encoding.ts'
import type { Durability } from '../../../src/evidence/journal/appendFile.ts'
import { type Disk, nodeDisk } from '../../../src/evidence/journal/disk.ts'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { openJournal } from '../../../src/evidence/journal/store.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { randomOf } from '../../faults/counts.ts'
import { NOW } from './build.ts'
import { conversation, judged, root } from './conversation.ts'
import { filesOf, newFolder, SetClock, writeAll } from './journalFolder.ts'

let entries: readonly EvidenceEntry[]

beforeAll(async () => {
  entries = (await conversation()).entries
})

/** A disk that knows what it has, and what is only in the memory of the operating system. */
class PoweredDisk implements Disk {
  private readonly files = new Map<string, { written: number; synced: number }>()

  async create(path: string) {
    const file = await nodeDisk.create(path)
    const state = { written: 0, synced: 0 }
    this.files.set(path, state)
    const writev = async (parts: readonly Uint8Array[]) => {
      const done = await file.writev(parts)
      state.written += done.bytesWritten
      return done
    }
    const datasync = async () => {
      const { written } = state
      await file.datasync()
      state.synced = Math.max(state.synced, written)
    }
    return { writev, datasync, close: () => file.close() }
  }

  sync(path: string): Promise<void> {
    return nodeDisk.sync(path)
  }

  remove(path: string): Promise<void> {
    return nodeDisk.remove(path)
  }

  /** What a power failure now would leave: of what was not synced some, or none, or some with a hole. */
  async cut(random: () => number): Promise<string> {
    const after = await mkdtemp(join(root, 'cut-'))
    for (const [path, { synced }] of this.files) {
      const bytes = await readFile(path)
      const left = bytes.subarray(0, synced + Math.floor(random() * (bytes.length - synced + 1)))
      if (random() < 0.5 && left.length > synced) left.fill(0, synced + Math.floor(random() * (left.length - synced)))
      await writeFile(join(after, basename(path)), left)
    }
    return after
  }
}

async function readAll(folder: string) {
  const [found, altered]: [number[], string[]] = [[], []]
  for await (const item of (await openJournal(folder)).read()) {
    if (item.kind === 'entry') found.push(item.entry.at)
    if (item.kind === 'altered') altered.push(`${item.line} ${item.detail}`)
  }
  return { found: new Set(found), altered }
}

/** Writes in groups of random sizes, and cuts the power in between. */
async function cuts(durability: Durability, each: (folder: string, promised: readonly number[]) => Promise<void>) {
  const random = randomOf(7)
  const disk = new PoweredDisk()
  const journal = await Journal.open({ folder: await newFolder(), durability, disk, segments: { bytes: 30_000 } })
  const promised: number[] = []
  let at = NOW
  for (let round = 0; round < 24; round++) {
    const group = Array.from({ length: 1 + Math.floor(random() * 5) }, async () => {
      const entry = { ...(entries[0] ?? fail()), at: ++at }
      await journal.append(entry)
      promised.push(entry.at)
    })
    if (random() < 0.5) await Promise.all(group)
    else await group[0]
    const told = [...promised]
    await each(await disk.cut(random), told)
    await Promise.all(group)
  }
  await journal.close()
}

describe('a power failure', () => {
  it('takes nothing that was promised with fsync, and leaves a journal that goes on and has no line that is false', async () => {
    await cuts('fsync', async (folder, promised) => {
      const before = await readAll(folder)
      expect([before.altered, promised.filter((at) => !before.found.has(at))]).toEqual([[], []])
      await (await writeAll(folder, entries.slice(0, 1))).close()
      const after = await readAll(folder)
      expect([after.altered, promised.filter((at) => !after.found.has(at)), after.found.has(NOW)]).toEqual([
        [],
        [],
        true,
      ])
    })
  })

  it('may take the last second of what was only written, and leaves no line that is false', async () => {
    await cuts('written', async (folder) => {
      await (await writeAll(folder, entries.slice(0, 1))).close()
      const after = await readAll(folder)
      expect([after.altered, after.found.has(NOW)]).toEqual([[], true])
    })
    const disk = new PoweredDisk()
    const journal = await Journal.open({ folder: await newFolder(), disk })
    await journal.append(entries[0] ?? fail())
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await readAll(await disk.cut(() => 0))).found.size).toBe(1)
    await journal.close()
  })
})

/** A disk that is full from a number of bytes on, until there is room again. */
class SmallDisk implements Disk {
  room = Number.POSITIVE_INFINITY

  async create(path: string) {
    const file = await nodeDisk.create(path)
    const writev = async (parts: readonly Uint8Array[]) => {
      const bytes = joined(parts)
      const length = Math.min(this.room, bytes.length)
      if (length <= 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      this.room -= length
      return await file.writev([bytes.subarray(0, length)])
    }
    return { writev, datasync: () => file.datasync(), close: () => file.close() }
  }

  sync(path: string): Promise<void> {
    return nodeDisk.sync(path)
  }

  remove(path: string): Promise<void> {
    return nodeDisk.remove(path)
  }
}

describe('a journal that cannot be written', () => {
  it('refuses while the disk is full, and goes on behind what is there when it is not', async () => {
    const [disk, clock, folder] = [new SmallDisk(), new SetClock(NOW), await newFolder()]
    const journal = await Journal.open({ folder, disk, clock })
    const append = (at: number) => journal.append(entries[at] ?? fail()).then(() => at)
    for (let at = 0; at < 3; at++) await append(at)
    disk.room = 700
    const full = { code: 'journal-write', message: expect.stringContaining('The disk of the journal is full') }
    await expect(append(3)).rejects.toMatchObject(full)
    await expect(append(3)).rejects.toMatchObject(full)
    // Not asked again for each context.
    clock.time += 10
    disk.room = Number.POSITIVE_INFINITY
    await expect(append(3)).rejects.toMatchObject(full)
    clock.time += 2000
    expect(await Promise.all([3, 4, 5, 6, 7].map(append))).toEqual([3, 4, 5, 6, 7])
    await journal.close()
    const files = await filesOf(folder)
    const { code, lines } = await judged(...files)
    expect([files.length, code, lines.filter((line) => line.startsWith('holds')).length]).toEqual([
      3,
      2,
      entries.length,
    ])
    expect(lines.filter((line) => line.startsWith('FALSE'))).toEqual([])
    expect(lines.some((line) => line.includes('cut off by a crash: 700 bytes'))).toBe(true)
  })

  it('says where it stays full', async () => {
    const [disk, clock] = [new SmallDisk(), new SetClock(NOW)]
    const journal = await Journal.open({ folder: await newFolder(), disk, clock })
    disk.room = 0
    for (let tries = 0; tries < 3; tries++) {
      clock.time += 2000
      await expect(journal.append(entries[0] ?? fail())).rejects.toMatchObject({ code: 'journal-write' })
    }
    await expect(journal.close()).rejects.toMatchObject({ code: 'journal-write' })
  })

  const isRoot = process.platform === 'linux' && process.getuid?.() === 0
  it.runIf(isRoot)('says so of a real disk that is full, and of one that may only be read', async ({ skip }) => {
    const place = join(root, 'small')
    await mkdir(place)
    const mount = (...options: string[]) => spawnSync('mount', options).status === 0
    // A container without the right to mount: the disks above stand for it.
    if (!mount('-t', 'tmpfs', '-o', 'size=96k,mode=0700', 'none', place)) skip()
    try {
      const journal = await Journal.open({ folder: place })
      let written = 0
      const filling = (async () => {
        for (;;) {
          await journal.append({ ...(entries[0] ?? fail()), at: NOW + written })
          written += 1
        }
      })()
      await expect(filling).rejects.toMatchObject({ code: 'journal-write', cause: { code: 'ENOSPC' } })
      await journal.close().catch(() => {})
      const { found, altered } = await readAll(place)
      expect([altered, found.size >= written]).toEqual([[], true])
      await expect(Journal.open({ folder: place })).rejects.toMatchObject({ code: 'journal-write' })
      expect(mount('-o', 'remount,ro', place)).toBe(true)
      await expect(Journal.open({ folder: place })).rejects.toMatchObject({
        code: 'journal-write',
        cause: { code: 'EROFS' },
      })
    } finally {
      spawnSync('umount', ['-l', place])
    }
  })

  it.runIf(!isRoot)('says so of a folder that may only be read', async () => {
    const folder = await newFolder()
    await chmod(folder, 0o500)
    await expect(Journal.open({ folder })).rejects.toMatchObject({ code: 'journal-write' })
    await chmod(folder, 0o700)
  })
})

function fail(): never {
  throw new Error('a test has no entry')
}
