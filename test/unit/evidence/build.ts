import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { buildBatch, sealBatch } from '../../../src/evidence/batch.ts'
import { chainStart, SentChain } from '../../../src/evidence/chain.ts'
import { encodeStatement, type StatementFields } from '../../../src/evidence/statement.ts'
import type { Direction, Evidence } from '../../../src/evidence/types.ts'
import type { SeedSigner } from '../../fakes/seedSigner.ts'

export const SID = encodeBase64url(new Uint8Array(48).fill(7))
export const NOW = 1_790_000_000_000
export const QUESTION = encodeUtf8('{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"read"}}')
export const ANSWER = encodeUtf8('{"jsonrpc":"2.0","id":41,"result":{}}')

/** Digest of bytes as statements write it. */
export function digestOf(bytes: Uint8Array): string {
  return encodeBase64url(sha384(bytes))
}

/** The fields of a valid statement of any direction; `changes` are merged over it. */
export function fields(changes: Partial<StatementFields> = {}): StatementFields {
  return {
    sid: SID,
    dir: 'c2s',
    seq: 0,
    kind: 'request',
    server: 'files',
    exchange: 3,
    head: digestOf(encodeUtf8('head')),
    ts: NOW,
    aud: encodeBase64url(new Uint8Array(32).fill(9)),
    salt: encodeBase64url(new Uint8Array(32).fill(5)),
    ctx: { alg: 'sha-384', digest: digestOf(QUESTION), length: QUESTION.length },
    prev: encodeBase64url(chainStart(SID, 'c2s')),
    ack: { seq: 0, head: encodeBase64url(chainStart(SID, 's2c')) },
    ...changes,
  }
}

/** One end of a session that signs statements: sequence and chain as the session would assign them. */
export class End {
  readonly dir: Direction
  readonly signer: SeedSigner
  readonly chain: SentChain
  private readonly aud: string
  private readonly sid: string

  constructor(dir: Direction, signer: SeedSigner, aud: string, sid = SID) {
    this.dir = dir
    this.signer = signer
    this.aud = aud
    this.sid = sid
    this.chain = new SentChain(sid, dir)
  }

  statement(context: Uint8Array, changes: Partial<StatementFields> = {}): Uint8Array {
    const bytes = encodeStatement(
      fields({
        sid: this.sid,
        dir: this.dir,
        seq: this.chain.seq,
        aud: this.aud,
        prev: encodeBase64url(this.chain.head),
        ctx: { alg: 'sha-384', digest: digestOf(context), length: context.length },
        ack: { seq: 0, head: encodeBase64url(chainStart(this.sid, this.dir === 'c2s' ? 's2c' : 'c2s')) },
        ...changes,
      }),
    )
    this.chain.append(bytes)
    return bytes
  }

  /** Signs statements as one batch; `contexts` and they are in the same order. */
  async batch(statements: readonly Uint8Array[], contexts: readonly Uint8Array[]): Promise<Evidence[]> {
    const signature = await this.signer.sign({ kind: 'batch', statements })
    const batch = sealBatch(buildBatch(statements, this.signer), signature)
    return statements.map((statement, index) => ({
      statement,
      head: encodeUtf8('head'),
      context: contexts[index],
      index,
      proof: batch.proofs[index] ?? [],
      jws: batch.jws,
      signer: this.signer,
    }))
  }

  /** One context in a batch of its own. */
  async one(context: Uint8Array, changes: Partial<StatementFields> = {}): Promise<Evidence> {
    const [evidence] = await this.batch([this.statement(context, changes)], [context])
    if (evidence === undefined) throw new Error('A batch of one has no evidence.')
    return evidence
  }
}
