import { isOneEvent } from '../../evidence/eventData.ts'
import type { VerifiedContext } from '../../session/api.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'
import { EventQueue } from './eventQueue.ts'
import { decodeResponseHead, type Header } from './head.ts'

/** What came back: one body, or a stream of events, each with all its bytes through the blank line. */
export type TunnelResponse =
  | { readonly kind: 'body'; readonly status: number; readonly headers: readonly Header[]; readonly body: Uint8Array }
  | {
      readonly kind: 'stream'
      readonly status: number
      readonly headers: readonly Header[]
      /**
       * To be read once. The next event comes when the one before was taken; leaving the loop early cancels the exchange.
       * @throws CountersignError `outcome-unknown`, `cancelled`, or `server-gone` for a stream that its server broke off
       */
      readonly events: AsyncIterable<Uint8Array>
    }

/** The reasons of an `end` statement. Another one is a peer that speaks another protocol. */
export const END_REASONS = ['complete', 'cancelled', 'broken'] as const
export type EndReason = (typeof END_REASONS)[number]

/**
 * The client's side of one exchange:
 * waiting -response-> answered -end-> ended, or waiting -head-> streaming -event*, end-> ended.
 * An `end` without an answer is an answer that the gateway could not send. Once cancelled, what the gateway sent before it heard of it is taken and dropped, up to its `end`.
 */
export class ClientExchange {
  readonly number: number
  readonly server: string
  readonly response: Promise<TunnelResponse>
  /** Digest of the request's statement, once it was sent. */
  digest: string | undefined
  /** Lets go of the caller's signal. */
  forget: () => void = () => {}
  private phase: 'waiting' | 'answered' | 'streaming' | 'ended' = 'waiting'
  private cancelled = false
  private events = 0
  private readonly queue: EventQueue
  private resolve: (response: TunnelResponse) => void = () => {}
  private reject: (error: CountersignError) => void = () => {}

  /** `abandoned` is called when the consumer of the stream leaves it early. */
  constructor(number: number, server: string, abandoned: () => void) {
    this.number = number
    this.server = server
    this.queue = new EventQueue(abandoned)
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // The session may end while nobody awaits it any more.
    this.response.catch(() => {})
  }

  get ended(): boolean {
    return this.phase === 'ended'
  }

  /**
   * Takes the next context of this exchange. The promise resolves when its bytes were consumed.
   * @throws CountersignError `peer-protocol` for a context that may not come now
   */
  accept(context: VerifiedContext): Promise<void> | void {
    const { statement } = context
    if (statement.req !== this.digest || this.digest === undefined) throw violation(said('answers another request'))
    if (statement.server !== this.server) throw violation(said('names another server than its request'))
    switch (statement.kind) {
      case 'response':
      case 'head':
        return this.answer(context)
      case 'event':
        if (this.phase !== 'streaming') throw violation(said('is an event outside a stream'))
        // Two halves would make a message for the agent that neither of their statements describes.
        if (!isOneEvent(context.body)) throw violation(said('is not one whole event'))
        this.events += 1
        return this.cancelled ? undefined : this.queue.push(context.body)
      case 'end':
        return this.finish(context)
      case 'request':
      case 'cancel':
      case 'close':
        throw violation(said('is of a kind that a gateway does not send'))
    }
  }

  /** The consumer wants no more: `error` is what it gets. True if there is something to be cancelled at the other end. */
  cancel(error: CountersignError): boolean {
    // Answered: what is missing is its `end`, and to cancel that would cost a signature for nothing.
    if (this.cancelled || this.phase === 'answered' || this.phase === 'ended') return false
    this.cancelled = true
    this.reject(error)
    this.queue.drop()
    this.queue.end(error)
    return true
  }

  /** The exchange is over without an `end`: the session is. */
  fail(error: CountersignError): void {
    this.phase = 'ended'
    this.reject(error)
    this.queue.end(error)
  }

  private answer(context: VerifiedContext): void {
    if (this.phase !== 'waiting') throw violation(said('answers a second time'))
    const { status, headers } = decodeResponseHead(context.head)
    if (context.statement.kind === 'head') {
      if (context.body.length > 0) throw violation(said('is a head with a body'))
      this.phase = 'streaming'
      this.resolve({ kind: 'stream', status, headers, events: this.queue })
    } else {
      this.phase = 'answered'
      this.resolve({ kind: 'body', status, headers, body: context.body })
    }
  }

  private finish(context: VerifiedContext): void {
    const { end } = context.statement
    if (end === undefined || context.body.length > 0) throw violation(said('is a malformed end'))
    if (end.events !== this.events) throw violation(said('counts other events than came'))
    const reason = END_REASONS.find((known) => known === end.reason)
    if (reason === undefined) throw violation(said('ends for an unknown reason'))
    if (this.phase === 'waiting') this.reject(unanswered(this.server))
    this.phase = 'ended'
    this.queue.end(reason === 'complete' ? undefined : broken(this.server, reason))
  }
}

function unanswered(server: string): CountersignError {
  return new CountersignError(
    'outcome-unknown',
    said`The gateway could not pass on the answer of ${server}. The call may have been carried out: look before you repeat it.`,
  )
}

function broken(server: string, reason: EndReason): CountersignError {
  return reason === 'cancelled'
    ? new CountersignError('cancelled', 'The call was cancelled.')
    : new CountersignError('server-gone', said`The server ${server} broke off its answer. Try again, and see its log.`)
}

function violation(how: Sentence): CountersignError {
  return new CountersignError('peer-protocol', said`The gateway sent a context that ${how}. The session was closed.`)
}
