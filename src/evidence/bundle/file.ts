import { type FileHandle, open, rm } from 'node:fs/promises'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** Bytes that are gathered before they are written. */
const GATHERED = 256 * 1024

/**
 * Writes a new file, mode 0600, and brings it to the disk. Nothing that exists is written over, and nothing is left of a file
 * that was not finished.
 * @param work is given what takes the next bytes
 * @throws CountersignError `file-exists`, `file-unreadable`; what `work` throws
 */
export async function writeNewFile<T>(
  path: string,
  work: (write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const handle = await create(path)
  try {
    const out = new Gathered(handle)
    const result = await work((bytes) => out.write(bytes))
    await out.flush()
    await handle.sync()
    await handle.close()
    return result
  } catch (thrown) {
    await handle.close().catch(() => {})
    await rm(path, { force: true }).catch(() => {})
    if (!(thrown instanceof Error) || !('syscall' in thrown)) throw thrown
    const sentence = said`${path} could not be written; check the space on the disk.`
    throw new CountersignError('file-unreadable', sentence, { cause: thrown })
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw exists
      ? new CountersignError('file-exists', said`${path} exists: choose another name, or take it away first.`, {
          cause,
        })
      : new CountersignError('file-unreadable', said`${path} cannot be made: check its folder.`, { cause })
  }
}

class Gathered {
  private readonly handle: FileHandle
  private parts: Uint8Array[] = []
  private length = 0

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.parts.push(bytes)
    this.length += bytes.length
    if (this.length >= GATHERED) await this.flush()
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.parts)
    this.parts = []
    this.length = 0
    for (let at = 0; at < bytes.length; ) at += (await this.handle.write(bytes, at)).bytesWritten
  }
}
