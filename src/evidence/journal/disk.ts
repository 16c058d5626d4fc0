import { type FileHandle, open, unlink } from 'node:fs/promises'
import { syncFolder } from './folder.ts'

/** What a journal needs of a file that it writes. */
export interface WritableFile extends Pick<FileHandle, 'datasync' | 'close'> {
  /** Writes the parts one behind the other, as much as goes at once. */
  writev(parts: readonly Uint8Array[]): Promise<{ readonly bytesWritten: number }>
}

/**
 * The calls by which a journal changes its folder, as a port: a test that cuts the power must know what was synced and what was
 * not.
 */
export interface Disk {
  /** A new file, mode 0600, whose name is on the disk. @throws where the name is taken */
  create(path: string): Promise<WritableFile>
  /** Brings what others wrote to a file to the disk. */
  sync(path: string): Promise<void>
  remove(path: string): Promise<void>
}

export const nodeDisk: Disk = {
  async create(path) {
    // Exclusive: the file of another process is never continued, its chain would have two ends.
    const file = await open(path, 'ax', 0o600)
    await syncFolder(path)
    return file
  },
  async sync(path) {
    const file = await open(path, 'r+')
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  },
  async remove(path) {
    await unlink(path)
    await syncFolder(path)
  },
}
