import type { Contexts } from './contexts/contexts.ts'
import { Deferred } from './deferred.ts'
import { CLOSE_TIMEOUT } from './limits.ts'

/** A signed `close` from both ends: without the last statement of each, nobody can show that nothing is missing. */
export class Goodbye {
  private readonly contexts: Pick<Contexts, 'sayGoodbye'>
  private readonly heard = new Deferred<void>()

  constructor(contexts: Pick<Contexts, 'sayGoodbye'>) {
    this.contexts = contexts
  }

  /** That of the peer was verified. */
  peerSaid(): void {
    this.heard.resolve()
  }

  /** Says it, and waits for the peer's. Never rejects; 3 s at most, and no longer than until `over`. */
  async say(over: Promise<unknown>): Promise<void> {
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_TIMEOUT).unref())
    await Promise.race([deadline, over, this.both()])
  }

  private async both(): Promise<void> {
    try {
      await this.contexts.sayGoodbye()
      await this.heard.promise
    } catch {
      // The signer is gone: the session ends without a statement, and the journal shows that.
    }
  }
}
