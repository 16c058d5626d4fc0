import { type ChildProcess, fork, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'

/** A process that answers each message with `{"value":…}` or `{"error":…}`, one after the other. */
export class AskedChild {
  private readonly file: string
  private readonly child: ChildProcess

  constructor(file: string, options: ForkOptions) {
    this.file = file
    this.child = fork(file, { stdio: ['ignore', 'ignore', 2, 'ipc'], ...options })
  }

  /** @throws what the process could not do, and when it ends */
  async ask<T>(message: object): Promise<T> {
    this.child.send(message)
    const ending = new AbortController()
    const gone = once(this.child, 'exit', { signal: ending.signal }).then(([code]) => {
      throw new Error(`${this.file} ended with ${String(code)}`)
    })
    gone.catch(() => {})
    try {
      const [answer]: { value: T; error?: string }[] = await Promise.race([
        once(this.child, 'message', { signal: ending.signal }),
        gone,
      ])
      if (answer === undefined || answer.error !== undefined) throw new Error(answer?.error)
      return answer.value
    } finally {
      ending.abort()
    }
  }

  close(): void {
    if (this.child.connected) this.child.disconnect()
  }
}
