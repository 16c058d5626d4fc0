import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/** Keeps a list of process groups; when its input ends, which is when this process is gone, it kills those that are left. */
const SCRIPT = `
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
`

let input: Writable | undefined
const watched = new Set<number>()

/**
 * Lets a process group end with this process, also when that is killed by SIGKILL: then no handler of ours runs, and servers
 * of the SDK ignore that their input ended. On Windows nothing watches.
 */
export function watchGroup(group: number): void {
  if (process.platform === 'win32') return
  watched.add(group)
  if (input === undefined) {
    input = startReaper()
    for (const other of watched) input.write(`+ ${other}\n`)
  } else input.write(`+ ${group}\n`)
}

/** The group is gone: its number may soon be somebody else's. */
export function forgetGroup(group: number): void {
  if (watched.delete(group)) input?.write(`- ${group}\n`)
}

function startReaper(): Writable {
  // A session of its own: what ends this process from a terminal must not end the one that cleans up after it.
  const child = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, env: {}, stdio: ['pipe', 'ignore', 'ignore'] })
  const { stdin } = child
  const gone = (): void => {
    if (input === stdin) input = undefined
  }
  child.once('error', gone)
  child.once('exit', gone)
  stdin.on('error', gone)
  // Neither is a reason for this process to stay.
  child.unref()
  if (stdin instanceof Socket) stdin.unref()
  return stdin
}
