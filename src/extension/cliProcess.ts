import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { CountersignError } from '../support/errors.ts'

/** An editor that crashes cannot end its children; the pipe between them breaks in any case. */
const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent("process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel.unref()")}`

export interface CliProcess {
  readonly child: ChildProcess
  readonly stdout: Readable
}

/** Starts our own command line with the editor's executable as its Node. `printed` gets the lines of its standard error. */
export function startCli(cli: string, args: readonly string[], printed: (line: string) => void): CliProcess {
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Electron's executable is a browser unless told otherwise; nothing else of the editor's environment goes along.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ELECTRON_RUN_AS_NODE: '1' },
    windowsHide: true,
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new CountersignError('internal', 'A process was started without pipes.')
  createInterface({ input: stderr }).on('line', printed)
  return { child, stdout }
}

/**
 * Runs it to its end. Returns what it wrote to standard output.
 * @throws CountersignError `server-start` where it failed, `cancelled`
 */
export async function runCli({ child, stdout }: CliProcess, signal: AbortSignal): Promise<string> {
  let output = ''
  stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const abort = () => child.kill()
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      // Not 'exit': what it wrote last is still to be read.
      child.once('close', resolve)
    })
    if (signal.aborted) throw new CountersignError('cancelled', 'This was cancelled.')
    if (code !== 0) throw new CountersignError('server-start', 'The gateway could not make its key. Show Log says why.')
    return output
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    throw new CountersignError('server-start', 'The command line of Countersign cannot be started.', { cause })
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
