import type { VerifiedContext } from '../api.ts'
import { Deferred } from '../deferred.ts'

export type ContextHandler = (context: VerifiedContext) => Promise<void> | void

/**
 * Verified contexts on their way to the one handler: in order within an exchange, exchanges independent of each other, so
 * that a slow reader of one stream slows that stream only. What waits is bounded by the session's credit.
 */
export class Delivery {
  private readonly onTaken: (context: VerifiedContext) => void
  private readonly onError: (error: unknown) => void
  private readonly tails = new Map<number, Promise<void>>()
  private readonly handler = new Deferred<ContextHandler>()
  private ended = false

  /** @param onTaken the consumer is done with a context: its credit can go back */
  constructor(onTaken: (context: VerifiedContext) => void, onError: (error: unknown) => void) {
    this.onTaken = onTaken
    this.onError = onError
  }

  /** Contexts that came before the handler wait for it. A second handler is ignored. */
  receive(handler: ContextHandler): void {
    this.handler.resolve(handler)
  }

  deliver(context: VerifiedContext): void {
    const { exchange } = context.statement
    const tail = this.follow(context, this.tails.get(exchange))
    this.tails.set(exchange, tail)
    void tail.finally(() => {
      if (this.tails.get(exchange) === tail) this.tails.delete(exchange)
    })
  }

  /** What was verified before the end is still delivered: it is signed, journalled and acknowledged. */
  end(): void {
    this.ended = true
  }

  private async follow(context: VerifiedContext, before: Promise<void> | undefined): Promise<void> {
    await before
    await this.hand(context)
  }

  /** Never rejects: a handler that fails loses its own context and stops nobody else's. */
  private async hand(context: VerifiedContext): Promise<void> {
    try {
      const handler = await this.handler.promise
      await handler(context)
    } catch (error) {
      this.onError(error)
    }
    if (!this.ended) this.onTaken(context)
  }
}
