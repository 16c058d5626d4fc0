/**
 * Hands events from a producer to one consumer. `push` resolves when the consumer took the event, so that whoever returns
 * flow-control credit by it returns it at the consumer's pace.
 */
export class EventQueue implements AsyncIterableIterator<Uint8Array> {
  private readonly waiting: { readonly event: Uint8Array; readonly taken: () => void }[] = []
  private readonly abandoned: () => void
  private wanted: PromiseWithResolvers | undefined
  private outcome: { readonly error?: Error } | undefined

  /** `abandoned` is called when the consumer leaves before the end. */
  constructor(abandoned: () => void) {
    this.abandoned = abandoned
  }

  push(event: Uint8Array): Promise<void> {
    if (this.outcome !== undefined) return Promise.resolve()
    const wanted = this.wanted
    if (wanted !== undefined) {
      this.wanted = undefined
      wanted.resolve({ done: false, value: event })
      return Promise.resolve()
    }
    return new Promise((taken) => {
      this.waiting.push({ event, taken })
    })
  }

  /** No further events. Those pushed before are still delivered, then the error if there is one. */
  end(error?: Error): void {
    if (this.outcome !== undefined) return
    this.outcome = error === undefined ? {} : { error }
    const wanted = this.wanted
    this.wanted = undefined
    if (error === undefined) wanted?.resolve({ done: true, value: undefined })
    else wanted?.reject(error)
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const first = this.waiting.shift()
    if (first !== undefined) {
      first.taken()
      return Promise.resolve({ done: false, value: first.event })
    }
    if (this.outcome?.error !== undefined) return Promise.reject(this.outcome.error)
    if (this.outcome !== undefined) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.wanted = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const early = this.outcome === undefined
    this.outcome ??= {}
    this.drop()
    if (early) this.abandoned()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Forgets what was pushed. Whoever waits for a dropped event must not wait for ever: its credit would be lost. */
  drop(): void {
    for (const { taken } of this.waiting.splice(0)) taken()
  }
}

interface PromiseWithResolvers {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void
  readonly reject: (error: Error) => void
}
