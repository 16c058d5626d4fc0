import { readFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'

/** How much of a source file was run: characters of the bundled code inside functions. */
export interface FileCoverage {
  readonly file: string
  readonly run: number
  readonly all: number
}

interface Module {
  readonly file: string
  readonly start: number
}

/** A decoder's branches decide what gets through it as much as ours. */
const GUIDING = /^(?:src|node_modules\/(?:cborg|valibot|jsonc-parser))\//

/**
 * V8's block coverage of one bundled script, in this process. Started before the script is loaded: functions that were
 * compiled earlier count calls only. What counts are the characters that ran, not V8's blocks: it joins neighbours that ran
 * equally often, so the same code comes as other blocks each time.
 */
export class Coverage {
  private readonly session = new Session()
  private readonly url: string
  private readonly modules: readonly Module[]
  /** One byte a character of the script: inside a function, and run by some input. */
  private readonly known: Uint8Array
  private readonly run: Uint8Array
  /** Run by some inputs together that none of them ran alone: see `settle`. */
  private readonly doubtful: Uint8Array
  private readonly now: Uint8Array

  constructor(url: string) {
    this.url = url
    const text = readFileSync(fileURLToPath(url), 'utf8')
    // esbuild writes the path of each module above its code.
    this.modules = Array.from(text.matchAll(/^ *\/\/ ((?:src|test|node_modules)\/\S+)$/gm), (match) => ({
      file: match[1] ?? '',
      start: match.index,
    }))
    this.known = new Uint8Array(text.length)
    this.run = new Uint8Array(text.length)
    this.doubtful = new Uint8Array(text.length)
    this.now = new Uint8Array(text.length)
    this.session.connect()
    this.ask('Profiler.enable')
    this.ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /**
   * Whether code ran since the last call that had never run before. `look`: it still counts as new afterwards; `settle`: it
   * never does again. V8 forgets functions that were long not called, and then says that the one around them ran as a whole.
   */
  news(what: 'take' | 'look' | 'settle' = 'take'): boolean {
    const functions = this.take()
    this.now.fill(0)
    // From the outside in, as V8 lists them: what comes later is inside, and says it better.
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) this.now.fill(count > 0 ? 1 : 0, startOffset, endOffset)
    }
    let fresh = false
    for (const { ranges } of functions) {
      const [outer] = ranges
      if (outer === undefined || !GUIDING.test(this.fileAt(outer.startOffset))) continue
      this.known.fill(1, outer.startOffset, outer.endOffset)
      for (let at = outer.startOffset; at < outer.endOffset; at++) {
        if (this.now[at] === 0 || this.run[at] === 1 || (what !== 'take' && this.doubtful[at] === 1)) continue
        fresh = true
        if (what === 'look') return true
        const into = what === 'take' ? this.run : this.doubtful
        into[at] = 1
      }
    }
    return fresh
  }

  /** Of each file of ours of which something ran. */
  files(): FileCoverage[] {
    const files = this.modules.map(({ file, start }, index) => {
      const end = this.modules[index + 1]?.start ?? this.known.length
      return { file, run: sum(this.run, start, end), all: sum(this.known, start, end) }
    })
    return files.filter(({ file, run }) => file.startsWith('src/') && run > 0)
  }

  private take(): readonly Profiler.FunctionCoverage[] {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the protocol says that it answers
    const { result } = this.ask('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    const functions = result.find(({ url }) => url === this.url)?.functions ?? []
    // The first is the script itself: that it was loaded says nothing.
    return functions.filter(({ ranges }) => ranges[0]?.startOffset !== 0)
  }

  private fileAt(offset: number): string {
    let low = 0
    let high = this.modules.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.modules[middle]?.start ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return this.modules[low - 1]?.file ?? ''
  }

  /** A session of the own thread answers before `post` returns. */
  private ask(method: string, params: object = {}): unknown {
    let answer: unknown
    this.session.post(method, params, (error: Error | null, result: unknown) => {
      if (error !== null) throw error
      answer = result
    })
    return answer
  }
}

function sum(bytes: Uint8Array, start: number, end: number): number {
  let total = 0
  for (let at = start; at < end; at++) total += bytes[at] ?? 0
  return total
}
