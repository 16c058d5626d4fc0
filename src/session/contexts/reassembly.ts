import { ALERT, SessionError } from '../alerts.ts'
import { MAX_CONTEXT, MAX_TRANSFERS } from '../limits.ts'
import type { Fragment } from './messages.ts'

interface Transfer {
  readonly exchange: number
  readonly total: number
  received: number
  /** What was received, and room for more of it. */
  body: Uint8Array
}

/**
 * Bodies on their way in. Nothing of them is looked at or released before a verified statement names them. Memory is taken
 * as bytes arrive, not as a total announces them, and its sum is bounded by twice the session's credit: pieces are copied
 * together, because each kept by itself would take some 200 bytes however small its sender made it.
 */
export class Reassembly {
  private readonly transfers = new Map<number, Transfer>()
  private next = 0

  /** @throws SessionError alert 21 for a piece that does not continue its body, alert 115 for too many bodies */
  add({ exchange, transfer: number, offset, total, bytes }: Fragment): void {
    let transfer = this.transfers.get(number)
    if (transfer === undefined) {
      if (number !== this.next || offset !== 0) throw malformed()
      if (this.transfers.size >= MAX_TRANSFERS)
        throw new SessionError(ALERT.limit, 'Too many bodies were begun at once.')
      this.next += 1
      transfer = { exchange, total, received: 0, body: bytes }
      this.transfers.set(number, transfer)
    }
    const end = offset + bytes.length
    const continues = transfer.exchange === exchange && transfer.total === total && transfer.received === offset
    if (!continues || end > total || total > MAX_CONTEXT) throw malformed()
    if (offset > 0) {
      transfer.body = withRoom(transfer.body, end, total)
      transfer.body.set(bytes, offset)
    }
    transfer.received = end
  }

  /**
   * The whole body, which is forgotten here.
   * @throws SessionError alert 110: a statement names a body that is not there, not complete, or of another exchange
   */
  take(number: number): { readonly exchange: number; readonly body: Uint8Array } {
    const transfer = this.transfers.get(number)
    if (transfer === undefined || transfer.received !== transfer.total) {
      throw new SessionError(ALERT.badStatement, 'A statement names a body that did not come.')
    }
    this.transfers.delete(number)
    return { exchange: transfer.exchange, body: transfer.body }
  }

  /** Forgets a body. @throws SessionError alert 10 for one that is not there */
  abort(number: number): { readonly exchange: number; readonly received: number } {
    const transfer = this.transfers.get(number)
    if (transfer === undefined) throw new SessionError(ALERT.unexpectedMessage, 'A body was aborted that is not there.')
    this.transfers.delete(number)
    return { exchange: transfer.exchange, received: transfer.received }
  }

  clear(): void {
    this.transfers.clear()
  }
}

/** The same bytes with room for `end` of them; at the total, of exactly that length. */
function withRoom(bytes: Uint8Array, end: number, total: number): Uint8Array {
  if (end <= bytes.length) return bytes
  const larger = new Uint8Array(Math.min(total, Math.max(end, 2 * bytes.length)))
  larger.set(bytes)
  return larger
}

function malformed(): SessionError {
  return new SessionError(ALERT.decode, 'A Fragment does not continue its body.')
}
