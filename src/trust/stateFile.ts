import { constants, type Stats } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeBase64url } from '../crypto/encoding.ts'
import { randomBytes } from '../crypto/random.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'

/** Of a state file; far more than a person can pin. */
const MAX_BYTES = 4 * 1024 * 1024
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const OTHERS_CAN_WRITE = 0o022
const OTHERS_CAN_READ = 0o044

/**
 * A small file of trust decisions. It is replaced as a whole or not at all, readable by its owner only, and one that cannot
 * be read is an error: to start again with an empty one would be to trust whoever comes next.
 */
export class StateFile {
  readonly path: string
  private readonly secret: boolean

  /** @param options `secret`: a file that others can read is refused as well */
  constructor(folder: string, name: string, { secret = false } = {}) {
    this.path = join(folder, name)
    this.secret = secret
  }

  /** The text; `undefined` where there is no file yet. @throws CountersignError `file-unreadable`, `file-permissions` */
  async read(): Promise<string | undefined> {
    let file: FileHandle | undefined
    try {
      // Whoever can write in the folder could put another file there, or take this one away.
      if (!isOwn(await stat(dirname(this.path)))) throw this.notOwn()
      // What is checked is what is read. A link would let somebody choose which file that is.
      file = await open(this.path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
      const info = await file.stat()
      if (!info.isFile() || !isOwn(info)) throw this.notOwn()
      if (this.secret && process.getuid !== undefined && (info.mode & OTHERS_CAN_READ) !== 0) throw this.notSecret()
      if (info.size > MAX_BYTES)
        throw new CountersignError('file-unreadable', said`${this.path} is too large to be what it should be.`)
      return await file.readFile('utf8')
    } catch (cause) {
      if (cause instanceof CountersignError) throw cause
      if (codeOf(cause) === 'ENOENT') return undefined
      if (codeOf(cause) === 'ELOOP') throw this.notOwn()
      throw new CountersignError('file-unreadable', said`${this.path} cannot be read.`, { cause })
    } finally {
      await file?.close()
    }
  }

  /** Replaces the file: written beside it, forced to disk, renamed. @throws CountersignError `file-unreadable` */
  async write(text: string): Promise<void> {
    const folder = dirname(this.path)
    const temporary = `${this.path}.${encodeBase64url(randomBytes(6))}`
    try {
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      const file = await open(temporary, 'wx', FILE_MODE)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.path)
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {})
      throw new CountersignError('file-unreadable', said`${this.path} cannot be written.`, { cause })
    }
  }

  private notSecret(): CountersignError {
    const sentence = said`${this.path} holds secrets, and others can read it (chmod 600). What was in it should be replaced.`
    return new CountersignError('file-permissions', sentence)
  }

  private notOwn(): CountersignError {
    const sentence = said`${this.path} must be a file that is yours, in a folder that is yours, and nobody else may write to either (chmod go-w).`
    return new CountersignError('file-permissions', sentence)
  }
}

/** Yours or root's, and nobody else can write to it. Windows has no such modes; there the folder's access control list decides. */
function isOwn({ uid, mode }: Stats): boolean {
  if (process.getuid === undefined) return true
  return (uid === process.getuid() || uid === 0) && (mode & OTHERS_CAN_WRITE) === 0
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
