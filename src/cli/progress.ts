/** How often a terminal is told, in ms. */
const EVERY = 250

/** How far long work over files is, for a terminal. Says nothing in the first moments: most work is over by then. */
export class Progress {
  private readonly total: number
  private readonly show: ((text: string) => void) | undefined
  private done = 0
  private next = performance.now() + 2 * EVERY
  private shown = false

  /** @param total bytes; @param show overwrites what it showed before; undefined where nobody looks */
  constructor(total: number, show: ((text: string) => void) | undefined) {
    this.total = total
    this.show = show
  }

  /** The stream as it is, counted. */
  async *watch(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of input) {
      yield chunk
      this.done += chunk.length
      if (this.show === undefined || performance.now() < this.next) continue
      this.next = performance.now() + EVERY
      this.shown = true
      this.show(`${percent(this.done, this.total)} of ${megabytes(this.total)} read`)
    }
  }

  /** Takes away what was shown. */
  end(): void {
    if (this.shown) this.show?.('')
  }
}

function percent(done: number, total: number): string {
  return total === 0 ? '0 %' : `${Math.min(100, Math.floor((100 * done) / total))} %`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
