import type { SignInput } from '../../contracts/signInput.ts'
import type { BatchTurn, Signer } from '../../keys/signer.ts'
import type { Clock } from '../../support/clock.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'

/** What a key did since the editor started. Counted where it happens; nothing is estimated. */
export interface SignerFigures {
  roots: number
  contexts: number
  failed: number
  /** Milliseconds of the latest signatures, oldest first. */
  readonly took: number[]
  /** Contexts that each of the latest roots covers, oldest first. */
  readonly sizes: number[]
}

const KEPT = 200
/** It says nothing of the key: the caller gave up, or the signature before failed and was told of. */
const OF_ANOTHER: readonly string[] = ['cancelled', 'predecessor-unsigned']

/** A signer that counts, and that tells how each signature ended. */
export class ObservedSigner implements Signer {
  readonly kid: string
  readonly algorithm: Signer['algorithm']
  readonly publicKey: Uint8Array
  readonly custody: Signer['custody']
  readonly description: string
  readonly figures: SignerFigures = { roots: 0, contexts: 0, failed: 0, took: [], sizes: [] }
  private readonly signer: Signer
  private readonly clock: Clock
  private readonly ended: (error: CountersignError | undefined) => void
  private readonly before: () => Promise<void>

  /** `before` throws what keeps this key from signing now. */
  constructor(
    signer: Signer,
    clock: Clock,
    ended: (error: CountersignError | undefined) => void,
    before: () => Promise<void> = async () => {},
  ) {
    this.kid = signer.kid
    this.algorithm = signer.algorithm
    this.publicKey = signer.publicKey
    this.custody = signer.custody
    this.description = signer.description
    this.signer = signer
    this.clock = clock
    this.ended = ended
    this.before = before
  }

  async sign(input: SignInput, signal?: AbortSignal, batch?: BatchTurn): Promise<Uint8Array> {
    let started = this.clock.monotonic()
    // Until then it waited for another.
    void batch?.behind?.ended.then(() => (started = this.clock.monotonic()))
    try {
      await this.before()
      const signature = await this.signer.sign(input, signal, batch)
      this.count(input, this.clock.monotonic() - started)
      this.ended(undefined)
      return signature
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (!OF_ANOTHER.includes(error.code)) {
        this.figures.failed++
        this.ended(error)
      }
      throw error
    }
  }

  private count(input: SignInput, took: number): void {
    const { figures } = this
    if (input.kind === 'batch') {
      figures.roots++
      figures.contexts += input.statements.length
      keep(figures.sizes, input.statements.length)
    }
    keep(figures.took, took)
  }
}

function keep(latest: number[], value: number): void {
  latest.push(value)
  if (latest.length > KEPT) latest.shift()
}
