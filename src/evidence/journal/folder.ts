import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/**
 * Makes sure of a folder that nobody else can write; one that it makes has mode 0700.
 * @throws CountersignError `file-permissions` where others could replace files in it, `journal-write` where it cannot be made
 */
export async function privateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const { mode, uid } = await stat(folder)
    // Windows has no such bits; there the folder inherits the permissions of the user's profile.
    if (process.platform === 'win32') return
    if ((mode & 0o022) === 0 && (uid === process.getuid?.() || uid === 0)) return
  } catch (cause) {
    const sentence = said('The folder of the journal could not be made; check its path and permissions.')
    throw new CountersignError('journal-write', sentence, { cause })
  }
  const sentence = said('Others may write to the folder of the journal; make it private (chmod 700) or choose another.')
  throw new CountersignError('file-permissions', sentence)
}

/**
 * Brings the name of a new file to the disk: without this a power failure can lose the file while its content was synced.
 * @param path of the file
 */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders, and keeps names in its own log.
  if (process.platform === 'win32') return
  const handle = await open(dirname(path), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
