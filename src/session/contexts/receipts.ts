import { constantTimeEqual } from '../../crypto/hash.ts'
import type { SentChain } from '../../evidence/chain.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { HEAD_HISTORY } from '../limits.ts'
import type { Ack } from './messages.ts'

const FORGET_STEP = 1024

/**
 * What the peer says it verified of what this end sent. A receipt that does not fit the chain is a peer that saw another
 * history, and ends the session. Receipts inside statements are older than Ack records that were sent meanwhile, so heads
 * are kept for a while after they were acknowledged.
 */
export class Receipts {
  private readonly chain: SentChain
  private readonly onAdvance: (seq: number) => void
  private highest = 0
  private forgotten = 0

  /** @param onAdvance told the number of statements that the peer has verified, whenever it grows */
  constructor(chain: SentChain, onAdvance: (seq: number) => void) {
    this.chain = chain
    this.onAdvance = onAdvance
  }

  /** Whether the peer can go on from there: it had as much before, and saw what was sent. */
  covers({ count, head }: { readonly count: number; readonly head: Uint8Array }): boolean {
    const sent = this.chain.headAt(count)
    return count >= this.highest && sent !== undefined && constantTimeEqual(sent, head)
  }

  /** @throws SessionError alert 110 */
  check({ seq, head }: Ack): void {
    const sent = this.chain.headAt(seq)
    if (sent === undefined || !constantTimeEqual(sent, head)) {
      throw new SessionError(ALERT.badStatement, 'The other end acknowledged what was not sent.')
    }
    if (seq <= this.highest) return
    this.highest = seq
    // In steps, because forgetting moves all heads that stay.
    if (seq - HEAD_HISTORY >= this.forgotten + FORGET_STEP) {
      this.forgotten = seq - HEAD_HISTORY
      this.chain.forgetBefore(this.forgotten)
    }
    this.onAdvance(seq)
  }
}
