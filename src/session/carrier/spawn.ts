import { type ChildProcess, spawn } from 'node:child_process'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Carrier } from './carrier.ts'
import { StreamCarrier } from './stdio.ts'

export interface SpawnOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Further variables of the environment, by name: the caller decides, nothing is inherited but the list below. */
  readonly env?: Readonly<Record<string, string>>
  /** Lines of its standard error; they may hold anything. */
  readonly onStderr?: (chunk: Buffer) => void
  readonly signal?: AbortSignal
}

/** What a command such as ssh needs to find itself and its agent. No token of ours or of the editor is in it. */
const INHERITED =
  process.platform === 'win32'
    ? [
        'PATH',
        'PATHEXT',
        'SYSTEMROOT',
        'SYSTEMDRIVE',
        'TEMP',
        'TMP',
        'USERNAME',
        'USERPROFILE',
        'HOMEDRIVE',
        'HOMEPATH',
        'APPDATA',
        'LOCALAPPDATA',
      ]
    : [
        'PATH',
        'HOME',
        'USER',
        'LOGNAME',
        'SHELL',
        'LANG',
        'LC_ALL',
        'TERM',
        'TMPDIR',
        'SSH_AUTH_SOCK',
        'XDG_RUNTIME_DIR',
      ]

const GRACE = 2_000

/**
 * Starts a command and speaks frames over its standard input and output: `ssh host countersign gateway --stdio`.
 * The command gets a process group of its own, which is killed as a whole when the carrier closes.
 * @throws CountersignError `gateway-unreachable`
 */
export async function spawnCarrier(options: SpawnOptions): Promise<Carrier> {
  const { command, args, env, onStderr, signal } = options
  const detached = process.platform !== 'win32'
  const child = spawn(command, [...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment(env),
    detached,
    windowsHide: true,
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => {
      reject(
        new CountersignError('gateway-unreachable', said`The command ${command} of the gateway cannot be started.`, {
          cause,
        }),
      )
    })
  })
  child.on('error', () => {})
  child.stderr.on('data', (chunk: Buffer) => onStderr?.(chunk))
  const carrier = new ChildCarrier(child, child.stdout, child.stdin, command, true)
  signal?.addEventListener('abort', () => void carrier.close(), { once: true })
  return carrier
}

class ChildCarrier extends StreamCarrier {
  private readonly child: ChildProcess
  private readonly killOnExit = (): void => killGroup(this.child, 'SIGKILL')

  constructor(child: ChildProcess, ...streams: ConstructorParameters<typeof StreamCarrier>) {
    super(...streams)
    this.child = child
    // A group of its own does not die with us.
    process.once('exit', this.killOnExit)
    child.once('exit', () => process.off('exit', this.killOnExit))
  }

  override async close(): Promise<void> {
    await super.close()
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = new Promise<void>((resolve) => this.child.once('exit', () => resolve()))
    killGroup(this.child, 'SIGTERM')
    const timer = setTimeout(() => killGroup(this.child, 'SIGKILL'), GRACE)
    await exited
    clearTimeout(timer)
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    // Gone already, which is what was wanted.
  }
}

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(inherited), ...extra }
}
