import { setImmediate } from 'node:timers/promises'
import { mutate } from '../mutate/mutate.ts'
import type { Coverage } from './coverage.ts'
import { Random } from './random.ts'
import { type Outcome, runInput, type Target, Violation } from './target.ts'
import { MAX_INPUT } from './watch.ts'

export interface Plan {
  readonly seed: string
  readonly inputs: number
  /** Inputs that once found something: run first, and mutated like the seeds. */
  readonly corpus: readonly Uint8Array[]
  /** Inputs that run new code are mutated further. */
  readonly coverage?: Coverage | undefined
  /** Collects garbage, so that what is left can be counted. Without it memory is not measured. */
  readonly collect?: (() => void) | undefined
  readonly begin?: (input: Uint8Array) => void
  readonly end?: () => void
}

export interface Report {
  readonly target: string
  readonly inputs: number
  readonly accepted: number
  /** Inputs that were kept because they ran something new. */
  readonly kept: number
  readonly seconds: number
  /** Bytes of memory that were not given back, undefined where it was not measured. */
  readonly grown?: number
}

export interface Finding {
  readonly target: string
  readonly seed: string
  readonly message: string
  /** undefined: no single input did it. */
  readonly input?: Uint8Array
}

/** Inputs between two looks at the coverage: a look costs as much as some hundred small inputs. */
const BETWEEN_LOOKS = 256
const MAX_KEPT = 512
/** Of one input that is kept: the long ones are for limits, and would make everything after them slow. */
const MAX_KEPT_BYTES = 16 * 1024
/** What a target may leave behind, the inputs that are kept not counted. */
const MAX_GROWN = 4 * 1024 * 1024
/** Below this many inputs what the engine itself still builds up is larger than any leak that matters. */
const MEASURED_FROM = 8000

/** Feeds one target. Ends at the first finding: what follows from the same mistake would only repeat it. */
export async function fuzzTarget(
  target: Target,
  plan: Plan,
): Promise<{ readonly report: Report; readonly finding?: Finding }> {
  const run = new Run(target, plan)
  const started = performance.now()
  let finding: Finding | undefined
  try {
    await run.all()
  } catch (thrown) {
    if (!(thrown instanceof Found)) throw thrown
    const input = await run.smaller(thrown)
    finding = {
      target: target.name,
      seed: plan.seed,
      message: describe(thrown.cause),
      ...(input !== undefined && { input }),
    }
  }
  const { inputs, accepted, kept, grown } = run
  const seconds = (performance.now() - started) / 1000
  const report = { target: target.name, inputs, accepted, kept, seconds, ...(grown !== undefined && { grown }) }
  return { report, ...(finding !== undefined && { finding }) }
}

class Found extends Error {
  readonly input: Uint8Array | undefined

  constructor(cause: unknown, input?: Uint8Array) {
    super('found', { cause })
    this.input = input
  }
}

class Run {
  inputs = 0
  accepted = 0
  grown: number | undefined
  private readonly target: Target
  private readonly plan: Plan
  private readonly random: Random
  private readonly pool: Uint8Array[]
  private readonly tokens: readonly Uint8Array[]
  private keptBytes = 0
  /** Since the last look at the coverage. */
  private recent: Uint8Array[] = []

  constructor(target: Target, plan: Plan) {
    this.target = target
    this.plan = plan
    this.random = new Random(`${plan.seed}/${target.name}`)
    this.pool = [...target.seeds, ...plan.corpus]
    this.tokens = (target.tokens ?? []).map((token) => Buffer.from(token, 'latin1'))
  }

  get kept(): number {
    return this.pool.length - this.target.seeds.length - this.plan.corpus.length
  }

  async all(): Promise<void> {
    for (const seed of this.target.seeds) {
      if ((await this.one(seed)) !== 'accepted')
        throw new Found(new Violation('refuses what our own encoder made'), seed)
    }
    for (const input of this.plan.corpus) await this.one(input)
    this.plan.coverage?.news()
    const { inputs, collect } = this.plan
    const warm = inputs >= MEASURED_FROM ? Math.floor(inputs / 4) : -1
    let before = 0
    for (let count = 0; count < inputs; count++) {
      if (count === warm && collect !== undefined) before = (await held(collect)) - this.keptBytes
      const input = mutate(this.target.format, this.any(), this.supply)
      await this.one(input)
      if (this.plan.coverage === undefined) continue
      this.recent.push(input)
      if (this.recent.length >= BETWEEN_LOOKS) await this.look(this.plan.coverage)
    }
    this.recent = []
    if (warm < 0 || collect === undefined) return
    this.grown = (await held(collect)) - this.keptBytes - before
    if (this.grown > MAX_GROWN) {
      throw new Found(new Violation(`keeps ${this.grown} bytes of memory behind ${inputs} inputs`))
    }
  }

  /** The same finding with as little input as a few hundred tries give. */
  async smaller({ input, cause }: Found): Promise<Uint8Array | undefined> {
    if (input === undefined) return undefined
    const same = describe(cause)
    let best = input
    let piece = Math.ceil(best.length / 2)
    for (let tries = 0; piece > 0 && tries < 400; piece = Math.floor(piece / 2)) {
      for (let at = 0; at < best.length && tries < 400; tries++) {
        const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)])
        const message = await this.one(shorter).then(
          () => undefined,
          (thrown: unknown) => (thrown instanceof Found ? describe(thrown.cause) : undefined),
        )
        if (message === same) best = new Uint8Array(shorter)
        else at += piece
      }
    }
    return best
  }

  private async one(input: Uint8Array): Promise<Outcome> {
    this.inputs++
    this.plan.begin?.(input)
    try {
      // A copy: a parser that wrote into its input, or kept a view of it, must not change what is reported and mutated.
      const outcome = await runInput(this.target, Uint8Array.from(input), Random.of(input))
      if (outcome === 'accepted') this.accepted++
      return outcome
    } catch (thrown) {
      throw new Found(thrown, Uint8Array.from(input))
    } finally {
      this.plan.end?.()
    }
  }

  /** Finds what ran new code among the inputs since the last look. */
  private async look(coverage: Coverage): Promise<void> {
    const { recent } = this
    this.recent = []
    if (!coverage.news('look') || (await this.narrow(recent, coverage))) return
    for (const input of recent) await this.one(input)
    coverage.news('settle')
  }

  /** Runs them once more, by halves: the one that is looked for costs a few looks, not one for each. False: it is not here. */
  private async narrow(inputs: readonly Uint8Array[], coverage: Coverage): Promise<boolean> {
    for (const input of inputs) await this.one(input)
    const [only] = inputs
    if (inputs.length > 1) {
      if (!coverage.news('look')) return false
      const middle = Math.ceil(inputs.length / 2)
      const first = await this.narrow(inputs.slice(0, middle), coverage)
      return (await this.narrow(inputs.slice(middle), coverage)) || first
    }
    if (only === undefined || !coverage.news()) return false
    if (this.kept < MAX_KEPT && only.length <= MAX_KEPT_BYTES) {
      this.pool.push(Uint8Array.from(only))
      this.keptBytes += only.length
    }
    return true
  }

  private any(): Uint8Array {
    return this.random.pick(this.pool) ?? new Uint8Array(0)
  }

  private get supply() {
    return {
      random: this.random,
      tokens: this.tokens,
      limit: this.target.longest ?? MAX_INPUT,
      other: () => this.any(),
    }
  }
}

/** Buffers are given back some turns behind the collection that found them free. */
async function held(collect: () => void): Promise<number> {
  for (let round = 0; round < 4; round++) {
    collect()
    await setImmediate()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Without the stack: the same mistake on two ways is one finding. */
function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `throws ${typeof thrown}`
  if (thrown instanceof Violation) return thrown.message
  return `throws ${thrown.name}: ${thrown.message} at ${/\n\s+at (.+?)(?: \(|\n|$)/.exec(thrown.stack ?? '')?.[1] ?? '?'}`
}
