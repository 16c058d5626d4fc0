import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** What the kernel says of processes. Only Linux says it here; elsewhere what rests on it is skipped. */
export const HAS_PROC = existsSync('/proc/self/schedstat')

/** Seconds of CPU that the threads of a process have used, as exact as the scheduler counts. NaN where it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.reduce((sum, thread) => sum + cpuOf(`/proc/${pid}/task/${thread}`), 0)
  } catch {
    return Number.NaN
  }
}

/** The first number of schedstat is the time on a core in ns (Documentation/scheduler/sched-stats.rst). */
function cpuOf(task: string): number {
  try {
    return Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1e9
  } catch {
    // A thread may end while its list is read.
    return 0
  }
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}

export interface Process {
  readonly pid: number
  /** Command line, arguments separated by a space. */
  readonly command: string
}

/** A process and all that it started, and that these started. */
export function tree(root: number): Process[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: Number(stat(Number(name))?.[1]) }))
  const found = new Set([root])
  for (let size = 0; size !== found.size; ) {
    size = found.size
    for (const { pid, parent } of parents) if (found.has(parent)) found.add(pid)
  }
  return Array.from(found, (pid) => ({ pid, command: commandOf(pid) }))
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

/** From the third field of proc(5)'s stat on: state, parent, …; the second one, a name, may hold anything. */
function stat(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return undefined
  }
}
