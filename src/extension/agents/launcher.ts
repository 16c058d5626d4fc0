import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { AgentFolder } from '../../mcp/bridge/agentFolder.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/**
 * `~/.countersign/bin/countersign`: what agents' entries start. The extension's own folder has its version in its name and the
 * editor's executable may move; this path stays. The editor's executable is the Node that it needs.
 */
export class Launcher {
  /** What an entry or a setting names as its command. */
  readonly path: string
  private readonly script: string

  constructor(folder: string, executable: string, cli: string) {
    this.path = join(folder, 'bin', 'countersign')
    this.script = launcherScript(executable, cli)
  }

  /** Makes it, or leads it to this extension. @throws CountersignError `file-unreadable` */
  async write(): Promise<void> {
    const temporary = `${this.path}.${encodeBase64url(randomBytes(6))}`
    try {
      if ((await this.current()) === this.script) return
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
      await writeFile(temporary, this.script, { mode: 0o700, flag: 'wx' })
      await chmod(temporary, 0o700)
      // Replaced as a whole: an agent may be starting it.
      await rename(temporary, this.path)
    } catch (cause) {
      throw new CountersignError('file-unreadable', said`${this.path} cannot be written.`, { cause })
    } finally {
      await rm(temporary, { force: true }).catch(() => {})
    }
  }

  /** After an update of the extension or the editor. One that nobody asked for is not made. */
  async refresh(): Promise<void> {
    if ((await this.current()) !== undefined) await this.write()
  }

  private async current(): Promise<string | undefined> {
    return await readFile(this.path, 'utf8').catch(() => undefined)
  }
}

/** The one of this person and this editor. */
export function ownLauncher(cli: string): Launcher {
  return new Launcher(new AgentFolder().path, process.execPath, cli)
}

/** A POSIX shell script; nothing in the two paths is expanded. */
export function launcherScript(executable: string, cli: string): string {
  return `#!/bin/sh
# Made by the Countersign extension, which keeps it right. Entries of agents start it.
if [ ! -f ${quoted(cli)} ]; then
  echo 'countersign: the extension is gone from the editor that made this. Install it, and open the editor once.' >&2
  exit 1
fi
ELECTRON_RUN_AS_NODE=1 exec ${quoted(executable)} ${quoted(cli)} "$@"
`
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
