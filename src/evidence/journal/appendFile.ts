import type { FileHandle } from 'node:fs/promises'
import { CountersignError } from '../../support/errors.ts'

/** What a promise of `append` means: written to the operating system (survives kill -9), or on the disk as well. */
export type Durability = 'written' | 'fsync'

interface Pending {
  readonly bytes: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Milliseconds within which what was written is on the disk, where nobody waits for it. */
const SYNC_WITHIN = 1000

/**
 * Appends to one file. Appends that come while a write is under way share the next one, and its fsync. After the first
 * error nothing is written any more: what is on the disk behind it is not known, and a retry could hide a hole.
 */
export class AppendFile {
  private readonly file: Pick<FileHandle, 'write' | 'datasync' | 'close'>
  private readonly durability: Durability
  private pending: Pending[] = []
  private writing: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private broken: CountersignError | undefined

  constructor(file: Pick<FileHandle, 'write' | 'datasync' | 'close'>, durability: Durability) {
    this.file = file
    this.durability = durability
  }

  /** @throws CountersignError `journal-write`, for this and all later appends */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.broken !== undefined) throw this.broken
    return await new Promise((resolve, reject) => {
      this.pending.push({ bytes, resolve, reject })
      this.writing ??= this.drain()
    })
  }

  /** Waits for what was appended, brings it to the disk and closes the file. @throws CountersignError `journal-write` */
  async close(): Promise<void> {
    await this.writing
    clearTimeout(this.timer)
    const before = this.broken
    this.broken ??= new CountersignError('journal-write', 'The journal is closed; nothing more can be written to it.')
    try {
      if (before === undefined) await this.file.datasync()
    } catch (cause) {
      throw failed(cause)
    } finally {
      await this.file.close()
    }
    if (before !== undefined) throw before
  }

  private async drain(): Promise<void> {
    while (this.pending.length > 0) {
      const group = this.pending
      this.pending = []
      try {
        if (this.broken !== undefined) throw this.broken
        await this.write(Buffer.concat(group.map(({ bytes }) => bytes)))
        if (this.durability === 'fsync') await this.file.datasync()
        else this.syncSoon()
        for (const { resolve } of group) resolve()
      } catch (cause) {
        const error = this.fail(cause)
        for (const { reject } of group) reject(error)
      }
    }
    this.writing = undefined
  }

  private async write(bytes: Uint8Array): Promise<void> {
    let offset = 0
    while (offset < bytes.length) {
      // A full disk may take a part: the rest of the group is not written yet.
      const { bytesWritten } = await this.file.write(bytes, offset)
      offset += bytesWritten
    }
  }

  private syncSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      // After a failed fsync the kernel may have dropped the pages: later ones would succeed and mean nothing.
      this.file.datasync().catch((cause: unknown) => void this.fail(cause))
    }, SYNC_WITHIN).unref()
  }

  private fail(cause: unknown): CountersignError {
    this.broken ??= failed(cause)
    return this.broken
  }
}

function failed(cause: unknown): CountersignError {
  if (cause instanceof CountersignError) return cause
  const sentence =
    'The journal could not be written, so nothing is released; check its folder and the space on the disk.'
  return new CountersignError('journal-write', sentence, { cause })
}
