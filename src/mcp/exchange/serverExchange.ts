import type { OutgoingContext, Session } from '../../session/api.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { errorReply } from '../errorReply.ts'
import type { EndReason } from './clientExchange.ts'
import { encodeResponseHead, type Header } from './head.ts'

/**
 * How a server answers one exchange: `body` once, or `head`, `event` as often as it likes, `end`. After a cancel or the
 * session's end all of them do nothing. None of them throws.
 */
export interface Responder {
  body(status: number, headers: readonly Header[], bytes: Uint8Array): void
  head(status: number, headers: readonly Header[]): void
  /** One event with all its bytes through the blank line. Resolves when there is room for the next: await it. */
  event(bytes: Uint8Array): Promise<void>
  /** `broken`: the server broke off, so the agent must not take the stream for complete. */
  end(reason?: EndReason): void
  /** True when nothing that is said any more reaches anybody. */
  readonly done: boolean
}

/** What may be on its way to the signer before `event` makes the server wait: enough to fill batches. */
const WINDOW_BYTES = 256 * 1024
const WINDOW_EVENTS = 64
/** A head says nothing that an agent acts on before the first event. Held so long, it shares the first event's signature. */
const HEAD_HOLD = 20
const EMPTY = new Uint8Array()

export class ServerExchange implements Responder {
  private readonly session: Session
  private readonly number: number
  private readonly server: string
  private readonly req: string
  private readonly request: { readonly body: Uint8Array; readonly live: boolean }
  private readonly settled: () => void
  private readonly abort = new AbortController()
  private phase: 'waiting' | 'streaming' | 'ended' = 'waiting'
  private events = 0
  private held: { readonly head: Uint8Array; readonly timer: NodeJS.Timeout } | undefined
  private onWay = { bytes: 0, events: 0 }
  private readonly blocked: (() => void)[] = []
  /** The answer that could not be sent, and why. */
  private lost: CountersignError | undefined
  private repeated = false

  /** `live` is a GET: its head is awaited by itself. `settled` is called once, at the end or at the first sign of an answer. */
  constructor(
    session: Session,
    where: { readonly exchange: number; readonly server: string; readonly req: string },
    request: { readonly body: Uint8Array; readonly live: boolean },
    settled: () => void,
  ) {
    this.session = session
    this.number = where.exchange
    this.server = where.server
    this.req = where.req
    this.request = request
    this.settled = settled
  }

  get signal(): AbortSignal {
    return this.abort.signal
  }

  get done(): boolean {
    return this.phase === 'ended'
  }

  body(status: number, headers: readonly Header[], bytes: Uint8Array): void {
    if (this.phase !== 'waiting') return
    const head = this.encode(status, headers)
    if (head === undefined) return
    this.phase = 'ended'
    // Both in one tick, so that one signature covers both.
    this.send('response', head, bytes)
    this.sendEnd('complete')
    this.settled()
  }

  head(status: number, headers: readonly Header[]): void {
    if (this.phase !== 'waiting') return
    const head = this.encode(status, headers)
    if (head === undefined) return
    this.phase = 'streaming'
    this.held = { head, timer: setTimeout(() => this.release(), this.request.live ? 0 : HEAD_HOLD) }
    this.settled()
  }

  async event(bytes: Uint8Array): Promise<void> {
    if (this.phase !== 'streaming') return
    this.release()
    this.events += 1
    this.onWay.bytes += bytes.length
    this.onWay.events += 1
    this.send('event', EMPTY, bytes, () => {
      this.onWay.bytes -= bytes.length
      this.onWay.events -= 1
      if (!this.full) this.unblock()
    })
    if (this.full) await new Promise<void>((resolve) => this.blocked.push(resolve))
  }

  end(reason: EndReason = 'complete'): void {
    if (this.phase !== 'streaming') return
    this.release()
    this.phase = 'ended'
    this.sendEnd(reason)
    this.unblock()
  }

  /** Answers with an error of ours, as far as that is still possible. */
  fail(error: CountersignError): void {
    if (this.phase === 'streaming') return this.end('broken')
    const { status, headers, body } = errorReply(error, this.request.body)
    this.body(status, headers, body)
  }

  /** The client cancelled: whatever was not sent stays unsent, and the exchange gets its one `end`. */
  cancel(): void {
    if (this.phase === 'ended') return
    this.drop()
    this.sendEnd('cancelled')
  }

  /** The session is over: nothing can be said any more. */
  drop(): void {
    if (this.held !== undefined) clearTimeout(this.held.timer)
    this.held = undefined
    this.phase = 'ended'
    this.abort.abort()
    this.unblock()
    this.settled()
  }

  private get full(): boolean {
    return this.phase === 'streaming' && (this.onWay.bytes >= WINDOW_BYTES || this.onWay.events >= WINDOW_EVENTS)
  }

  private unblock(): void {
    for (const resolve of this.blocked.splice(0)) resolve()
  }

  private release(): void {
    const held = this.held
    if (held === undefined) return
    clearTimeout(held.timer)
    this.held = undefined
    this.send('head', held.head, EMPTY)
  }

  private encode(status: number, headers: readonly Header[]): Uint8Array | undefined {
    try {
      return encodeResponseHead({ status, headers })
    } catch (thrown) {
      this.fail(toCountersignError(thrown))
      return undefined
    }
  }

  private sendEnd(reason: EndReason): void {
    this.send('end', EMPTY, EMPTY, () => {}, { events: this.events, reason })
  }

  private send(
    kind: OutgoingContext['kind'],
    head: Uint8Array,
    body: Uint8Array,
    sent: () => void = () => {},
    end?: OutgoingContext['end'],
  ): void {
    const context = { kind, server: this.server, exchange: this.number, head, body, req: this.req }
    this.session
      .send(end === undefined ? context : { ...context, end })
      .then(sent, (thrown: unknown) => this.unsent(kind, toCountersignError(thrown)))
  }

  /**
   * Something could not be signed, or was refused by the session. The client must not wait for ever: it is told once more,
   * and if that fails too, it is told by the end of the session. An `end` that overtakes a refused `response` tells it as well.
   */
  private unsent(kind: OutgoingContext['kind'], error: CountersignError): void {
    if (error.code === 'session-closed') return
    if (kind === 'response') this.lost = error
    else if (kind === 'event') this.breakOff()
    else if (kind === 'end' && !this.repeated) setImmediate(() => this.repeatEnd())
    else this.session.close().catch(() => {})
  }

  private repeatEnd(): void {
    this.repeated = true
    if (this.lost !== undefined) {
      const { status, headers, body } = errorReply(unanswered(this.server, this.lost), this.request.body)
      this.send('response', encodeResponseHead({ status, headers }), body)
    }
    this.sendEnd(this.lost === undefined ? 'broken' : 'complete')
  }

  /** An event is lost: the stream ends here, and says so. */
  private breakOff(): void {
    this.events -= 1
    if (this.phase !== 'streaming') return
    this.drop()
    this.sendEnd('broken')
  }
}

/** The server has answered: an error of the signer, which says that nothing was sent, would make the agent send it again. */
function unanswered(server: string, cause: CountersignError): CountersignError {
  const sentence = `The gateway could not sign the answer of ${server}. The call may have been carried out: look before you repeat it.`
  return new CountersignError('outcome-unknown', sentence, { cause })
}
