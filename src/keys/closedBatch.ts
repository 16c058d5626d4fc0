import { signingInput } from '../crypto/jws.ts'
import { buildBatch, sealBatch, type UnsignedBatch } from '../evidence/batch.ts'
import { parseStatement } from '../evidence/statement.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import type { BatchItem, SignedBatch } from './batching.ts'
import type { Signer } from './signer.ts'

interface Closed {
  readonly item: BatchItem
  readonly statement: Uint8Array
}

/** Items that have their sequence and time: what follows either signs them all or takes all of it back. */
export class ClosedBatch {
  readonly items: readonly BatchItem[]
  readonly statements: readonly Uint8Array[]
  private readonly signer: Signer
  private built: UnsignedBatch | undefined

  /**
   * Closes what `next` gives, up to `limit`. An item without a good statement ends here, and `left` is told of it.
   */
  constructor(next: () => BatchItem | undefined, limit: number, signer: Signer, left: (item: BatchItem) => void) {
    const closed: Closed[] = []
    while (closed.length < limit) {
      const item = next()
      if (item === undefined) break
      const statement = closeItem(item, left)
      if (statement !== undefined) closed.push({ item, statement })
    }
    this.items = closed.map(({ item }) => item)
    this.statements = closed.map(({ statement }) => statement)
    this.signer = signer
  }

  /** Root of the tree, 48 bytes. */
  get root(): Uint8Array {
    return this.unsigned.root
  }

  /** The bytes that the signature has to be of. */
  get expected(): Uint8Array {
    const { protectedHeader, payload } = this.unsigned
    return signingInput(protectedHeader, payload)
  }

  /** @param took milliseconds of the signature */
  sealed(signature: Uint8Array, took: number): SignedBatch {
    return { ...sealBatch(this.unsigned, signature), statements: this.statements, took }
  }

  /** Built when it is first asked for, which is while the key is at work. */
  private get unsigned(): UnsignedBatch {
    this.built ??= buildBatch(this.statements, this.signer)
    return this.built
  }
}

function closeItem(item: BatchItem, left: (item: BatchItem) => void): Uint8Array | undefined {
  let assigned = false
  try {
    const statement = item.close()
    assigned = true
    // The key refuses a batch with one bad statement; found here, it costs its own item and not its 63 neighbours.
    parseStatement(statement)
    return statement
  } catch (thrown) {
    if (assigned) guarded(() => item.rollback())
    left(item)
    guarded(() => item.failed(toCountersignError(thrown)))
    return undefined
  }
}

/** Told on a microtask: a caller that is still queueing is not interrupted by the end of its own item. */
export function failSoon(item: BatchItem, error: CountersignError): void {
  queueMicrotask(() => guarded(() => item.failed(error)))
}

/** One item's callback that throws must not leave the other items of its batch without an answer. */
export function guarded(callback: () => void, otherwise?: (thrown: unknown) => void): void {
  try {
    callback()
  } catch (thrown) {
    // Its owner broke the contract of BatchItem. It is told so where there is a way left; the batch goes on.
    if (otherwise !== undefined) guarded(() => otherwise(thrown))
  }
}
