import type { Session, VerifiedContext } from '../../session/api.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { type Log, silentLog } from '../../support/log.ts'
import { ClientExchange, type TunnelResponse } from './clientExchange.ts'
import { encodeRequestHead, type RequestHead } from './head.ts'
import { checkMcpHeaders } from './mcpHeaders.ts'

export type { TunnelResponse } from './clientExchange.ts'

/** Whatever opens exchanges: a session's client, or the bridge of an editor that has one. */
export type Tunnel = Pick<ExchangeClient, 'open' | 'closed'>

export interface TunnelRequest extends RequestHead {
  readonly body: Uint8Array
}

/** Open exchanges of a session. Agents have dozens; thousands are a loop that has to be stopped somewhere. */
export const MAX_OPEN_EXCHANGES = 4096

const EMPTY = new Uint8Array()

/** The client's end of all exchanges of one session. It is the session's only receiver. */
export class ExchangeClient {
  private readonly session: Session
  private readonly log: Log
  private readonly exchanges = new Map<number, ClientExchange>()
  private over: CountersignError | undefined

  constructor(session: Session, log: Log = silentLog) {
    this.session = session
    this.log = log
    session.receive((context) => this.received(context))
    void session.closed.then((reason) => this.ended(reason))
  }

  /** Resolves when the session is over, with its error unless it was closed in order. */
  get closed(): Promise<CountersignError | undefined> {
    return this.session.closed
  }

  /**
   * Tunnels one HTTP exchange. Resolves with its response, or with the head of its stream.
   * @throws CountersignError `context-refused`, `limit`, `signer-unavailable`, `session-closed` (in all of them nothing was
   * sent), `cancelled`, `outcome-unknown` (the session ended after the request was sent)
   */
  async open(server: string, request: TunnelRequest, signal?: AbortSignal): Promise<TunnelResponse> {
    const head = encodeRequestHead(request)
    checkMcpHeaders(request, request.body)
    if (isAborted(signal)) throw cancelled()
    if (this.over !== undefined) throw this.over
    if (this.exchanges.size >= MAX_OPEN_EXCHANGES) {
      throw new CountersignError('limit', 'There are 4096 calls under way already. Nothing was sent.')
    }
    const exchange = new ClientExchange(this.session.nextExchange(), server, () => this.cancel(exchange))
    this.exchanges.set(exchange.number, exchange)
    const abort = (): void => {
      if (exchange.digest !== undefined) this.cancel(exchange)
    }
    signal?.addEventListener('abort', abort, { once: true })
    exchange.forget = () => signal?.removeEventListener('abort', abort)
    try {
      const context = { kind: 'request', server, exchange: exchange.number, head, body: request.body } as const
      const { digest } = await this.session.send(context, signal)
      exchange.digest = digest
      // The abort came after the batch had closed: the statement is out, so it takes a `cancel` to end it.
      if (isAborted(signal)) this.cancel(exchange)
      // The session ended between the carrier's last write and here: nobody else would end this exchange.
      if (this.over !== undefined) this.ended(this.over)
    } catch (thrown) {
      this.forget(exchange)
      throw toCountersignError(thrown)
    }
    return exchange.response
  }

  private async received(context: VerifiedContext): Promise<void> {
    if (this.over !== undefined) return
    try {
      const exchange = this.exchanges.get(context.statement.exchange)
      if (exchange === undefined) {
        throw new CountersignError(
          'peer-protocol',
          'The gateway answered a call that is not open. The session was closed.',
        )
      }
      const consumed = exchange.accept(context)
      if (exchange.ended) this.forget(exchange)
      await consumed
    } catch (thrown) {
      this.violated(toCountersignError(thrown))
    }
  }

  private cancel(exchange: ClientExchange): void {
    if (this.over !== undefined || !exchange.cancel(cancelled())) return
    const { number, server } = exchange
    this.session
      .send({ kind: 'cancel', server, exchange: number, head: EMPTY, body: EMPTY })
      .catch((thrown: unknown) => {
        // The call goes on at the server, unwatched; its answers are still taken and dropped.
        this.log.log('warn', 'a cancellation was not sent', { server, code: toCountersignError(thrown).code })
      })
  }

  private violated(violation: CountersignError): void {
    if (this.over !== undefined) return
    this.log.log('error', violation.message, { code: violation.code })
    this.ended(violation)
    this.session.close().catch(() => {})
  }

  private ended(reason: CountersignError | undefined): void {
    this.over ??= reason ?? new CountersignError('session-closed', 'The session with the gateway is closed.')
    for (const exchange of Array.from(this.exchanges.values())) {
      // Not sent yet: `send` itself rejects, and says more exactly that nothing happened.
      if (exchange.digest === undefined) continue
      exchange.fail(outcomeUnknown(exchange.server, this.over))
      this.forget(exchange)
    }
  }

  private forget(exchange: ClientExchange): void {
    this.exchanges.delete(exchange.number)
    exchange.forget()
  }
}

/** A function, since the compiler believes that what was false before an await still is. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function cancelled(): CountersignError {
  return new CountersignError('cancelled', 'The call was cancelled.')
}

function outcomeUnknown(server: string, cause: CountersignError): CountersignError {
  // Why first: whoever reads this has to know whether a network failed or an answer did not verify.
  const sentence = said`${cause.sentence} ${server} had not answered yet. It may have carried out the call: look before you repeat it.`
  return new CountersignError('outcome-unknown', sentence, { cause })
}
