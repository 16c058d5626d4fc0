import { joined } from '../../crypto/encoding.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { MAX_CONTEXT, MAX_TRANSFERS } from '../limits.ts'
import type { Fragment } from './messages.ts'

interface Transfer {
  readonly exchange: number
  readonly total: number
  received: number
  readonly pieces: Uint8Array[]
}

/**
 * Bodies on their way in. Nothing of them is looked at or released before a verified statement names them. Memory is taken
 * as bytes arrive, not as a total announces them, and its sum is bounded by the session's credit.
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
      transfer = { exchange, total, received: 0, pieces: [] }
      this.transfers.set(number, transfer)
    }
    const end = offset + bytes.length
    const continues = transfer.exchange === exchange && transfer.total === total && transfer.received === offset
    if (!continues || end > total || total > MAX_CONTEXT) throw malformed()
    transfer.received = end
    transfer.pieces.push(bytes)
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
    const [only] = transfer.pieces
    const body = transfer.pieces.length === 1 && only !== undefined ? only : joined(transfer.pieces)
    return { exchange: transfer.exchange, body }
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

function malformed(): SessionError {
  return new SessionError(ALERT.decode, 'A Fragment does not continue its body.')
}
