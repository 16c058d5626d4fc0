import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** sun_path of macOS, the shortest there is, with its NUL. Longer paths are cut off silently by some systems. */
const MAX_PATH = 103

/**
 * Where the bridge's socket is: a new name in `folder`, which is made with mode 0700 where it is missing. On Windows
 * a pipe, whose name nobody can guess (pipes have no folder that could be closed).
 * @throws CountersignError `file-permissions` for a folder that is a link, somebody else's, or open to others
 */
export async function socketPath(folder: string, prefix = ''): Promise<string> {
  const name = `${prefix}${encodeBase64url(randomBytes(6))}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\countersign-${encodeBase64url(randomBytes(24))}`
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await checkOwnFolder(folder)
  const path = join(folder, `${name}.sock`)
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new CountersignError('config-invalid', said`The path of the folder ${folder} is too long for a socket.`)
  }
  return path
}

/** @throws CountersignError `file-permissions` for a folder that is a link, somebody else's, or open to others */
export async function checkOwnFolder(folder: string): Promise<void> {
  // lstat: whoever may replace the folder by a link chooses where the socket is made.
  const found = await lstat(folder)
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return
  const sentence = said`The folder ${folder} must be yours alone (mode 0700). Remove it or correct it, then try again.`
  throw new CountersignError('file-permissions', sentence)
}
