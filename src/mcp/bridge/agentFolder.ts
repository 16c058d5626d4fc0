import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { link, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { constantTimeEqual, sha384 } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { checkOwnFolder } from './socketFolder.ts'
import { bearerToken, type TokenCheck } from './tokens.ts'

export const AGENT_NAME = /^[a-z][a-z0-9-]{0,31}$/
/** The agent's name, then 32 random bytes. The name says which one file to compare it with. */
const TOKEN = /^([a-z][a-z0-9-]{0,31})\.[A-Za-z0-9_-]{43}$/
const TOKEN_FILE = /^agent-([a-z][a-z0-9-]{0,31})\.token$/
const WINDOW = 'window-'
const SOCKET = /^window-[0-9a-z]{9}-[A-Za-z0-9_-]{8}\.sock$/
const LONGEST_TOKEN = 128

/**
 * Where the windows of an editor and the agents of the same person meet: `~/.countersign`, mode 0700. Not the runtime folder:
 * agents start their servers with few variables of their environment, and the home folder is found without any.
 *
 * A token is a file, and the file is what decides: while it is there its agent is allowed, in every window of every editor,
 * and none of them keeps a copy that would outlive it.
 */
export class AgentFolder implements TokenCheck {
  readonly path: string

  constructor(path = join(homedir(), '.countersign')) {
    this.path = path
  }

  /**
   * Allows an agent: makes its token unless it has one.
   * @throws CountersignError `file-permissions`, `file-unreadable`
   */
  async allow(agent: string): Promise<void> {
    if (!AGENT_NAME.test(agent)) throw new CountersignError('internal', 'That is no name of an agent.')
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    await checkOwnFolder(this.path)
    const file = this.tokenFile(agent)
    const temporary = `${file}.${encodeBase64url(randomBytes(6))}`
    try {
      await writeFile(temporary, `${agent}.${encodeBase64url(randomBytes(32))}`, { mode: 0o600, flag: 'wx' })
      // link fails where the name is taken: of two windows that allow an agent at once both go on with one token.
      await link(temporary, file).catch((thrown: unknown) => {
        if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown
      })
    } catch (cause) {
      throw new CountersignError('file-unreadable', said`${file} cannot be written.`, { cause })
    } finally {
      await rm(temporary, { force: true })
    }
    if (this.token(agent) === undefined) {
      throw new CountersignError(
        'file-permissions',
        said`${file} is not a token of mode 0600. Remove it, then try again.`,
      )
    }
  }

  /** From now on nothing that shows the agent's token is answered, in no window. */
  async revoke(agent: string): Promise<void> {
    await rm(this.tokenFile(agent), { force: true })
  }

  /** The agents that are allowed. */
  async agents(): Promise<string[]> {
    return (await this.names()).map((name) => TOKEN_FILE.exec(name)?.[1]).filter((agent) => agent !== undefined)
  }

  /** The token of an agent; undefined where it has none, or one that others could read or have put there. */
  token(agent: string): string | undefined {
    let file: number | undefined
    try {
      const folder = lstatSync(this.path)
      if (!folder.isDirectory() || !isPrivate(folder)) return undefined
      // What is checked is what is read; a link or a FIFO is neither followed nor waited for.
      file = openSync(this.tokenFile(agent), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const info = fstatSync(file)
      if (!info.isFile() || !isPrivate(info) || info.size > LONGEST_TOKEN) return undefined
      const token = readFileSync(file, 'utf8')
      return TOKEN.exec(token)?.[1] === agent ? token : undefined
    } catch {
      return undefined
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  agentOf(authorization: string | undefined): string | undefined {
    const shown = bearerToken(authorization)
    const agent = TOKEN.exec(shown ?? '')?.[1]
    const known = agent === undefined ? undefined : this.token(agent)
    if (shown === undefined || known === undefined) return undefined
    return constantTimeEqual(sha384(encodeUtf8(shown)), sha384(encodeUtf8(known))) ? agent : undefined
  }

  /** How the name of a window's socket begins. The time is in it, so that the newest window is the last by name. */
  windowPrefix(now: number): string {
    return `${WINDOW}${now.toString(36).padStart(9, '0')}-`
  }

  /**
   * Sockets of windows, the newest first. Some may be of windows that are gone.
   * @throws CountersignError `file-permissions` for a folder in which others could have put a socket
   */
  async windows(): Promise<string[]> {
    const sockets = (await this.names()).filter((name) => SOCKET.test(name))
    if (sockets.length > 0) await checkOwnFolder(this.path)
    return sockets
      .sort()
      .reverse()
      .map((name) => join(this.path, name))
  }

  private tokenFile(agent: string): string {
    return join(this.path, `agent-${agent}.token`)
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.path)
    } catch {
      // Nobody has added an agent yet.
      return []
    }
  }
}

function isPrivate({ uid, mode }: Stats): boolean {
  return uid === process.getuid?.() && (mode & 0o077) === 0
}
