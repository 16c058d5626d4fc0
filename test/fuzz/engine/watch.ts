/**
 * The input that is being run, in memory that another thread can read: a parser that hangs can neither be asked nor
 * interrupted from within, so somebody outside has to know what it hangs on.
 */
export const MAX_INPUT = 512 * 1024

const RUNNING = 0
const LENGTH = 1
const TARGET = 2
const HEADER = 3 * Int32Array.BYTES_PER_ELEMENT

export class Watched {
  readonly memory: SharedArrayBuffer
  private readonly header: Int32Array
  private readonly bytes: Uint8Array
  private count = 0

  constructor(memory = new SharedArrayBuffer(HEADER + MAX_INPUT)) {
    this.memory = memory
    this.header = new Int32Array(memory, 0, 3)
    this.bytes = new Uint8Array(memory, HEADER)
  }

  begin(target: number, input: Uint8Array): void {
    this.bytes.set(input.subarray(0, MAX_INPUT))
    this.header[LENGTH] = Math.min(MAX_INPUT, input.length)
    this.header[TARGET] = target
    this.count = (this.count + 1) | 1
    // Last, and seen by the other thread only after all the above.
    Atomics.store(this.header, RUNNING, this.count)
  }

  end(): void {
    this.count = (this.count + 1) & 0x3fff_fffe
    Atomics.store(this.header, RUNNING, this.count)
  }

  /** Odd while an input runs; another number for each. */
  now(): number {
    return Atomics.load(this.header, RUNNING)
  }

  current(): { readonly target: number; readonly input: Uint8Array } {
    return { target: this.header[TARGET] ?? 0, input: this.bytes.slice(0, this.header[LENGTH]) }
  }
}

/** CPU milliseconds that one input may take, and the time on the wall for one that waits for what never comes. */
const MAX_CPU = 1000
const MAX_WALL = 20_000
const EVERY = 100

/**
 * Calls `stuck` once for an input that takes longer. CPU time of the process counts, whose other threads only wait: on a
 * machine that also does other things the clock says nothing about a parser. Returns what ends the watch.
 */
export function watch(watched: Watched, stuck: () => void): () => void {
  let seen = 0
  let cpu = 0
  let wall = 0
  const timer = setInterval(() => {
    const now = watched.now()
    if (now !== seen || (now & 1) === 0) {
      seen = now
      cpu = cpuMilliseconds()
      wall = performance.now()
      return
    }
    if (cpuMilliseconds() - cpu < MAX_CPU && performance.now() - wall < MAX_WALL) return
    clearInterval(timer)
    stuck()
  }, EVERY)
  return () => clearInterval(timer)
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
