import { chmod, lstat, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { decodeUtf8, encodeBase64url, encodeUtf8 } from '../../../crypto/encoding.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'

const LARGEST = 32 * 1024 * 1024
const NOTHING = new Uint8Array()

/** The bytes of an agent's file when they were read. */
export interface FileBefore {
  readonly bytes: Uint8Array | undefined
  readonly text: string
}

/**
 * Reads an agent's file; one that is missing is empty. `workspace`: the file has to lie in that folder, also when links are
 * followed, because whoever made the folder made the links.
 * @throws CountersignError `file-unreadable`
 */
export async function readAgentFile(path: string, workspace?: string): Promise<FileBefore> {
  if (workspace !== undefined) await checkInside(path, workspace)
  const bytes = await bytesOf(path)
  try {
    // Byte for byte: decodeUtf8 keeps a byte order mark and refuses what is no UTF-8.
    return { bytes, text: bytes === undefined ? '' : decodeUtf8(bytes) }
  } catch (cause) {
    throw new CountersignError('file-unreadable', said`${path} is not UTF-8. Nothing was written.`, { cause })
  }
}

/**
 * Replaces the file, if it still is what it was: written beside it and renamed, with its mode. A link stays a link.
 * @throws CountersignError `file-unreadable`
 */
export async function writeAgentFile(
  path: string,
  before: FileBefore,
  text: string,
  workspace?: string,
): Promise<void> {
  if (workspace !== undefined) await checkInside(path, workspace)
  const now = await bytesOf(path)
  const same =
    now === undefined || before.bytes === undefined ? now === before.bytes : Buffer.compare(now, before.bytes) === 0
  // An agent writes its own file as well, and a person may have it open.
  if (!same)
    throw new CountersignError('file-unreadable', said`${path} was changed meanwhile. Nothing was written: try again.`)
  const target = now === undefined ? path : await realpath(path)
  const temporary = join(dirname(target), `.${basename(target)}.${encodeBase64url(randomBytes(6))}`)
  try {
    await mkdir(dirname(target), { recursive: true })
    // A user's file may hold tokens of other servers.
    const mode = now === undefined ? (workspace === undefined ? 0o600 : 0o666) : (await stat(target)).mode & 0o777
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(encodeUtf8(text))
      await file.sync()
    } finally {
      await file.close()
    }
    if (now !== undefined) await chmod(temporary, mode)
    await rename(temporary, target)
  } catch (cause) {
    throw new CountersignError('file-unreadable', said`${path} cannot be written.`, { cause })
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
  }
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const info = await stat(path)
    // Not only too large: a device or a FIFO would never end.
    if (!info.isFile() || info.size > LARGEST) throw new Error('no regular file, or too large')
    return info.size === 0 ? NOTHING : await readFile(path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      // A link to nothing is not nothing: what is written would go where it leads.
      if ((await lstat(path).catch(() => undefined)) === undefined) return undefined
    }
    throw new CountersignError('file-unreadable', said`${path} cannot be read.`, { cause })
  }
}

async function checkInside(path: string, workspace: string): Promise<void> {
  const folder = await realpath(workspace)
  for (let at = path; at.length > workspace.length; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined)
    if (real === undefined) continue
    if (real.startsWith(folder + sep)) return
    throw new CountersignError('file-unreadable', said`${path} leads out of its workspace folder. Nothing was written.`)
  }
}
