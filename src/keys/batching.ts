/** A context that waits for its signature. The batch signer calls these in this order; each at most once a batch. */
export interface BatchItem {
  /** Whose `seq` and `prev` it continues: a session in one direction. It is never in two batches that are signed at once. */
  readonly session: string
  /** Fairness: round-robin over (session, server). */
  readonly server: string
  /** Called when the batch closes: assigns seq, prev, ts, salt and ack, and returns the statement's exact bytes. */
  close(): Uint8Array
  /** The signature failed twice: counters go back to what they were before `close`; called in reverse order of `close`. */
  rollback(): void
  /** The batch is signed: everything that the other side needs to verify this item. */
  signed(batch: SignedBatch, index: number): void
  failed(error: Error): void
}

export interface SignedBatch {
  readonly jws: Uint8Array
  readonly size: number
  readonly root: Uint8Array
  /** Inclusion path of each leaf, 48 bytes a node (RFC 9162 §2.1.3). */
  readonly proofs: readonly (readonly Uint8Array[])[]
  readonly statements: readonly Uint8Array[]
  /** Milliseconds that the signer took. */
  readonly took: number
}
