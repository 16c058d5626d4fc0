import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { BundleSource } from './verifyBundle.ts'

/**
 * A bundle on the disk of this machine.
 * @throws what the file system says; an error for what is no regular file: a FIFO holds a thread of the host until somebody
 * writes to it, and a device never ends
 */
export async function bundleFile(path: string, signal: AbortSignal): Promise<BundleSource> {
  const info = await stat(path)
  if (!info.isFile()) throw new Error('no regular file')
  return { name: basename(path), bytes: info.size, input: streamOf(path, signal) }
}

/** Opened when it is read: a stream that nobody listens to yet throws its errors, also that of being given up, at the whole host. */
async function* streamOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { signal })
}
