import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { chainStart, SentChain } from '../../../src/evidence/chain.ts'
import type { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { Exchanges } from '../../../src/session/contexts/exchanges.ts'
import { Outgoing, type StatementSource } from '../../../src/session/contexts/outgoing.ts'
import { QUESTION, SID } from '../../unit/evidence/build.ts'

const HEAD = encodeUtf8('head')

/** The sending end of a session up to the signature: contexts become statements as they do there. */
export class Statements {
  private readonly batches: BatchSigner
  private readonly source: StatementSource & { readonly exchanges: Exchanges; readonly chain: SentChain }
  private exchange = 0

  constructor(batches: BatchSigner) {
    this.batches = batches
    const ack = { seq: 0, head: chainStart(SID, 's2c') }
    this.source = {
      sid: SID,
      dir: 'c2s',
      aud: encodeBase64url(new Uint8Array(32).fill(9)),
      chain: new SentChain(SID, 'c2s'),
      exchanges: new Exchanges(),
      acknowledged: () => ack,
      now: Date.now,
    }
  }

  /** The statement that `sign` would make next, in no chain. */
  example(): Uint8Array {
    const statement = this.next(
      () => {},
      () => {},
    )
    const bytes = statement.close()
    statement.rollback()
    return bytes
  }

  /** Resolves when a batch with the statement of one request is signed. */
  sign(): Promise<void> {
    return new Promise((resolve, reject) => this.batches.enqueue(this.next(resolve, reject)))
  }

  private next(resolve: () => void, reject: (error: Error) => void): Outgoing {
    this.exchange += 1
    const { exchange } = this
    const context = { kind: 'request', server: 'files', exchange, head: HEAD, body: QUESTION } as const
    return new Outgoing(context, exchange, this.source, {
      closed: () => {},
      signed: ({ seq }) => {
        // As when it was answered and acknowledged: nothing piles up.
        this.source.exchanges.end(exchange)
        this.source.chain.forgetBefore(seq)
        resolve()
      },
      failed: (_item, error) => reject(error),
    })
  }
}
