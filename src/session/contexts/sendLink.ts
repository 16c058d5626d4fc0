import { RECORD, type RecordType } from '../channel/record.ts'
import { EXCHANGE_CREDIT, MAX_FRAGMENT, MAX_IN_CARRIER, SESSION_CREDIT } from '../limits.ts'
import { encodeFragment } from './messages.ts'
import type { Outgoing } from './outgoing.ts'
import { SendCredit, SendCredits } from './sendCredit.ts'

/** How records leave on the connection that there is now. */
export interface RecordSink {
  /** Seals and sends one record; the connection has ended where it rejects. */
  send(type: RecordType, payload: Uint8Array): Promise<void>
  /** Statements went out or came in. */
  counted(contexts: number): void
}

/** The sending side of one connection: credit of its peer, numbers of bodies, and how much its carrier may hold. */
export class SendLink {
  readonly credits: SendCredits
  readonly records: RecordSink
  /** The outbox is at work on it. */
  busy = false
  /** Bytes that the carrier may hold: contexts take turns at it, and small ones need not wait for each other's writing. */
  private readonly carrier = new SendCredit(MAX_IN_CARRIER)
  private nextTransfer = 0
  private ended = false

  /** @param held what the peer still holds of the session from an earlier connection, in bytes */
  constructor(records: RecordSink, held: number) {
    this.records = records
    this.credits = new SendCredits(SESSION_CREDIT, EXCHANGE_CREDIT, held)
  }

  get over(): boolean {
    return this.ended
  }

  /** Ends what waits for credit. */
  end(reason: Error): void {
    this.ended = true
    this.credits.end(reason)
    this.carrier.end(reason)
  }

  /**
   * Sends what is left of a body.
   * @param resent it was sent on an earlier connection and had the credit of its exchange then
   */
  async sendBody(item: Outgoing, resent: boolean, signal?: AbortSignal): Promise<void> {
    const { exchange, body } = item
    while (item.sent < body.length) {
      const length = Math.min(MAX_FRAGMENT, body.length - item.sent)
      if (!resent) await this.credits.take(exchange, length, signal)
      await this.carrier.take(length)
      item.transfer ??= this.nextTransfer++
      const offset = item.sent
      item.sent += length
      const bytes = body.subarray(offset, item.sent)
      const fragment = { exchange, transfer: item.transfer, offset, total: body.length, bytes }
      // Sealed before this returns, so that a Batch that is sent later also arrives later.
      this.records.send(RECORD.Fragment, encodeFragment(fragment)).then(
        () => this.carrier.give(length),
        // The connection has ended, and with it this link.
        () => {},
      )
    }
  }
}
