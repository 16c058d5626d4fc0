import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'
import type { WritableFile } from './disk.ts'

/** What a promise of `append` means: written to the operating system (survives kill -9), or on the disk as well. */
export type Durability = 'written' | 'fsync'

interface Pending {
  readonly parts: readonly Uint8Array[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Milliseconds within which what was written is on the disk, where nobody waits for it. */
const SYNC_WITHIN = 1000

/**
 * Appends to one file. What is appended in one turn, or while a write is under way, shares the next write, and its fsync. After
 * the first error nothing is written any more: what is on the disk behind it is not known, and a retry could hide a hole.
 */
export class AppendFile {
  private readonly opened: Promise<WritableFile>
  private readonly durability: Durability
  private pending: Pending[] = []
  private writing: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private broken: CountersignError | undefined

  /** @param opening the file, which may still be on its way: what is appended waits for it */
  constructor(opening: WritableFile | Promise<WritableFile>, durability: Durability) {
    this.opened = Promise.resolve(opening)
    this.durability = durability
    // Told to whoever appends, not to the process.
    this.opened.catch((cause: unknown) => void this.fail(cause))
  }

  /** Why nothing is written any more. */
  get failure(): CountersignError | undefined {
    return this.broken
  }

  /** Parts are written one after the other, or not at all. @throws CountersignError `journal-write`, for this and all later ones */
  async append(...parts: readonly Uint8Array[]): Promise<void> {
    if (this.broken !== undefined) throw this.broken
    return await new Promise((resolve, reject) => {
      this.pending.push({ parts, resolve, reject })
      this.writing ??= this.drain()
    })
  }

  /** Brings what was appended so far to the disk. @throws CountersignError `journal-write` */
  async sync(): Promise<void> {
    await this.writing
    if (this.broken !== undefined) throw this.broken
    try {
      await (await this.opened).datasync()
    } catch (cause) {
      throw this.fail(cause)
    }
  }

  /** Waits for what was appended, brings it to the disk and closes the file. @throws CountersignError `journal-write` */
  async close(): Promise<void> {
    await this.writing
    clearTimeout(this.timer)
    const before = this.broken
    this.broken ??= new CountersignError('journal-write', 'The journal is closed; nothing more can be written to it.')
    try {
      if (before === undefined) await (await this.opened).datasync()
    } catch (cause) {
      throw failed(cause)
    } finally {
      // A file that was never opened needs no closing, and that it was not was told to those who waited for it.
      await this.opened.then((file) => file.close()).catch(() => {})
    }
    if (before !== undefined) throw before
  }

  private async drain(): Promise<void> {
    // Not in the turn of the first append: the entries of a batch come one after the other, and are one write.
    await Promise.resolve()
    while (this.pending.length > 0) {
      const group = this.pending
      this.pending = []
      try {
        if (this.broken !== undefined) throw this.broken
        await this.write(group.flatMap(({ parts }) => parts))
        if (this.durability === 'fsync') await (await this.opened).datasync()
        else this.syncSoon()
        for (const { resolve } of group) resolve()
      } catch (cause) {
        const error = this.fail(cause)
        for (const { reject } of group) reject(error)
      }
    }
    this.writing = undefined
  }

  private async write(parts: readonly Uint8Array[]): Promise<void> {
    const file = await this.opened
    let left = parts
    while (left.length > 0) {
      // A full disk may take a part: the rest of the group is not written yet.
      const { bytesWritten } = await file.writev(left)
      left = behind(left, bytesWritten)
    }
  }

  private syncSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      // After a failed fsync the kernel may have dropped the pages: later ones would succeed and mean nothing.
      this.opened.then((file) => file.datasync()).catch((cause: unknown) => void this.fail(cause))
    }, SYNC_WITHIN).unref()
  }

  private fail(cause: unknown): CountersignError {
    this.broken ??= failed(cause)
    return this.broken
  }
}

/** What is left of the parts when so many bytes of them are written. */
function behind(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  let start = 0
  return parts.flatMap((part) => {
    const gone = Math.min(part.length, Math.max(0, written - start))
    start += part.length
    return gone === part.length ? [] : [part.subarray(gone)]
  })
}

function failed(cause: unknown): CountersignError {
  if (cause instanceof CountersignError) return cause
  return new CountersignError('journal-write', said`${reasonOf(cause)} What cannot be recorded is not released.`, {
    cause,
  })
}

/** What happened and what to do, where the operating system says it. */
function reasonOf(cause: unknown): Sentence {
  switch (cause instanceof Error && 'code' in cause ? cause.code : undefined) {
    case 'ENOSPC':
    case 'EDQUOT':
      return said('The disk of the journal is full: make room, or let the journal keep less.')
    case 'EFBIG':
      return said('The journal may not grow further (a limit of this process or of its file system): raise the limit.')
    case 'EROFS':
      return said(
        'The journal is on a file system that is mounted read-only: mount it for writing, or name another folder.',
      )
    case 'EACCES':
    case 'EPERM':
      return said('The folder of the journal may not be written to by this user: check its owner and permissions.')
    case undefined:
    default:
      return said('The journal could not be written: check its folder and the disk.')
  }
}
