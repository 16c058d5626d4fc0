import type { BigIntStats, Stats } from 'node:fs'
import { constants, type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { encodeBase64url } from '../../../crypto/encoding.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'

const KEY_BYTES = 32

/**
 * The 32 bytes of a key file. The file that was checked is the file that is read: both go through one descriptor.
 * @returns undefined where there is no file
 * @throws CountersignError `file-permissions`, `file-unreadable`
 */
export async function readKeyFile(file: string): Promise<Uint8Array | undefined> {
  const handle = await openExisting(file)
  if (handle === undefined) return undefined
  try {
    checkPrivate(file, await handle.stat())
    // One byte more than a key: a longer file is another kind of file, not a key with a tail.
    const buffer = new Uint8Array(KEY_BYTES + 1)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    if (bytesRead !== KEY_BYTES) {
      buffer.fill(0)
      throw new CountersignError('file-unreadable', said`${file} is no key file: a key file holds exactly 32 bytes.`)
    }
    const key = buffer.slice(0, KEY_BYTES)
    buffer.fill(0)
    return key
  } finally {
    await handle.close()
  }
}

/** Writes a new key file, mode 0600. @throws CountersignError `file-unreadable` where it cannot be made or is there already */
export async function createKeyFile(file: string, key: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  await publish(file, key, false)
}

/** @returns undefined where there is no file. @throws CountersignError `file-unreadable`, `file-permissions` */
export async function readVaultFile(file: string): Promise<Uint8Array | undefined> {
  const handle = await openExisting(file)
  if (handle === undefined) return undefined
  try {
    checkPrivate(file, await handle.stat())
    return new Uint8Array(await handle.readFile())
  } catch (thrown) {
    throw thrown instanceof CountersignError ? thrown : unreadable(file, thrown)
  } finally {
    await handle.close()
  }
}

/** Replaces the vault in one step: after a crash there is the old file or the new one, never half of one. */
export async function writeVaultFile(file: string, bytes: Uint8Array, replace: boolean): Promise<void> {
  await publish(file, bytes, replace)
}

/** @throws CountersignError `file-unreadable` */
export async function removeVaultFile(file: string): Promise<void> {
  try {
    await unlink(file)
    await syncFolder(path.dirname(file))
  } catch (cause) {
    const sentence = said`${file} cannot be removed. Check the folder and its permissions.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: a FIFO under this name would otherwise hold the process for ever. Absent on Windows.
    return await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined
    throw unreadable(file, thrown)
  }
}

/** Windows has no such modes; there the folder's access control list decides. */
function checkPrivate(file: string, found: Stats | BigIntStats): void {
  if (!found.isFile()) throw new CountersignError('file-unreadable', said`${file} is not a regular file.`)
  if (process.getuid === undefined) return
  if (Number(found.uid) !== process.getuid()) {
    throw new CountersignError('file-permissions', said`${file} belongs to another user. Use a file of your own.`)
  }
  if ((Number(found.mode) & 0o077) !== 0) {
    const mode = (Number(found.mode) & 0o777).toString(8).padStart(4, '0')
    throw new CountersignError('file-permissions', said`Others can read ${file} (mode ${mode}). Run chmod 600 on it.`)
  }
}

async function publish(file: string, bytes: Uint8Array, replace: boolean): Promise<void> {
  const temporary = `${file}.${encodeBase64url(randomBytes(6))}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // link fails where the name is taken; rename would replace somebody's key without a word.
    if (replace) await rename(temporary, file)
    else await link(temporary, file)
    await syncFolder(path.dirname(file))
  } catch (cause) {
    const taken = codeOf(cause) === 'EEXIST'
    const sentence = taken
      ? said`${file} is there already; it is not replaced. Check the folder and its permissions.`
      : said`${file} cannot be written. Check the folder and its permissions.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  } finally {
    await unlink(temporary).catch(() => {})
  }
}

/** The new name is durable only once its folder is; Windows cannot open folders and needs no such step. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unreadable(file: string, cause: unknown): CountersignError {
  return new CountersignError('file-unreadable', said`${file} cannot be read. Check its path and its permissions.`, {
    cause,
  })
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}
