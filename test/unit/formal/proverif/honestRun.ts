import type { Model, Pattern, Process, Term } from './syntax.ts'
import { type Bindings, Stuck, Terms, type Value } from './terms.ts'

/** A process that waits for a message. `agent` is the copy of a role that it is a part of. */
interface Waiting {
  readonly agent: number
  readonly scope: Bindings
  readonly process: Process & { readonly kind: 'in' }
}

/** Something that was sent, or a part of it, and by whom. */
interface Sent {
  readonly agent: number
  readonly value: Value
}

interface State {
  readonly waiting: readonly Waiting[]
  readonly sent: readonly Sent[]
  readonly events: readonly Value[]
}

/** What one process did until it waited or ended. `stuck`: it ended at a check that failed. */
interface Steps extends State {
  readonly stuck: boolean
}

/** How many of the messages that one process would take are tried. */
const CHOICES = 4

const NOTHING: Steps = { waiting: [], sent: [], events: [], stuck: false }

/**
 * Runs one copy of each role against a network that only delivers, and looks for a run in which an event happens. That it is
 * found shows that the roles understand each other: in a model in which they do not, everything is proved, of nothing.
 * It looks at `budget` states at most; an answer `false` is therefore no proof.
 */
export function happens(model: Model, goal: Term, budget = 20_000): boolean {
  return new Run(model).find(goal, budget)
}

class Run {
  private readonly terms: Terms
  private readonly macros = new Map<string, { params: readonly string[]; body: Process }>()
  private readonly main: Process
  private agents = 0

  constructor(model: Model) {
    this.terms = new Terms(model)
    this.main = model.process
    for (const declaration of model.declarations)
      if (declaration.kind === 'macro')
        this.macros.set(declaration.name, {
          params: declaration.params.map(({ name }) => name),
          body: declaration.body,
        })
  }

  find(goal: Term, budget: number): boolean {
    const open: State[] = [this.steps(this.main, new Map(), 0)]
    for (let left = budget; left > 0; left--) {
      const state = open.pop()
      if (state === undefined) return false
      if (state.events.some((event) => this.terms.match(goal, event, new Map()) !== undefined)) return true
      // The last is looked at first, and the moves come with the likeliest first.
      open.push(...this.moves(state).toReversed())
    }
    return false
  }

  private moves(state: State): State[] {
    const moves: { next: State; guesses: number }[] = []
    for (const [index, waiting] of state.waiting.entries()) {
      const tried = this.candidates(waiting, state.sent)
      const taken = tried.flatMap(({ value, guesses }) => {
        const steps = this.receive(waiting, value)
        const rest = state.waiting.filter((_, i) => i !== index)
        const next = joined({ ...state, waiting: rest, stuck: false }, steps)
        return steps.stuck ? [] : [{ next, guesses }]
      })
      // One that takes a single message of several knows which one it wants: nothing is lost by giving it that first.
      if (taken.length === 1 && tried.length > 1) return taken.map(({ next }) => next)
      moves.push(...taken.slice(0, CHOICES))
    }
    // What was delivered as it was sent comes before what had to be put together.
    return moves.sort((a, b) => a.guesses - b.guesses).map(({ next }) => next)
  }

  private receive(waiting: Waiting, value: Value): Steps {
    try {
      const scope = this.terms.bind(waiting.process.pattern, value, waiting.scope)
      return this.steps(waiting.process.rest, scope, waiting.agent)
    } catch (error) {
      if (error instanceof Stuck) return { ...NOTHING, stuck: true }
      throw error
    }
  }

  /** Messages of others that fit, the latest first; put together of parts only where none does. */
  private candidates(waiting: Waiting, sent: readonly Sent[]): { value: Value; guesses: number }[] {
    const others = sent.filter(({ agent }) => agent !== waiting.agent).map(({ value }) => value)
    const { pattern } = waiting.process
    const whole = this.whole(pattern, others)
    if (whole.length > 0) return whole.map((value, index) => ({ value, guesses: pattern.kind === 'tuple' ? 0 : index }))
    return this.compose(pattern, others).map((value, index) => ({ value, guesses: index + 1 }))
  }

  /** Names first: a bare bitstring that nobody checks is a nonce, if anything. */
  private whole(pattern: Pattern, others: readonly Value[]): Value[] {
    const fitting = others.filter((value) => this.fits(pattern, value)).toReversed()
    return [...fitting.filter(({ args }) => args.length === 0), ...fitting.filter(({ args }) => args.length > 0)]
  }

  private compose(pattern: Pattern, others: readonly Value[]): Value[] {
    const whole = this.whole(pattern, others)
    if (whole.length > 0) return whole.slice(0, CHOICES)
    if (pattern.kind !== 'tuple') return this.public(pattern).toReversed().slice(0, CHOICES)
    let rows: Value[][] = [[]]
    for (const item of pattern.items) {
      const choices = this.compose(item, others)
      rows = rows.flatMap((row) => choices.map((choice) => [...row, choice])).slice(0, CHOICES ** 3)
    }
    return rows.map((row) => this.terms.tuple(row))
  }

  private public(pattern: Pattern): Value[] {
    return [...this.terms.globals.values()].filter((value) => pattern.kind === 'bind' && value.type === pattern.type)
  }

  private fits(pattern: Pattern, value: Value): boolean {
    if (pattern.kind === 'bind') return pattern.type === undefined || pattern.type === value.type
    if (pattern.kind === 'equal') return true
    if (!this.terms.isTuple(value) || value.args.length !== pattern.items.length) return false
    return pattern.items.every((item, index) => {
      const arg = value.args[index]
      return arg !== undefined && this.fits(item, arg)
    })
  }

  private steps(process: Process, scope: Bindings, agent: number): Steps {
    switch (process.kind) {
      case 'nil':
        return NOTHING
      case 'in':
        return { ...NOTHING, waiting: [{ agent, scope, process }] }
      case 'replicate':
        return this.steps(process.body, scope, ++this.agents)
      case 'phase':
        return NOTHING
      case 'parallel': {
        const parts = process.parts.map((part) => this.steps(part, scope, agent))
        return { ...parts.reduce(joined, NOTHING), stuck: parts.every(({ stuck }) => stuck) }
      }
      case 'macro': {
        const macro = this.macros.get(process.name)
        if (macro === undefined) throw new Error(`process ${process.name}`)
        const args = process.args.map((arg) => this.terms.value(arg, scope))
        const bound = macro.params.flatMap((param, i): [string, Value][] => (args[i] ? [[param, args[i]]] : []))
        return this.steps(macro.body, new Map(bound), agent)
      }
      case 'new': {
        const name = this.terms.invent(process.name, process.type)
        return this.steps(process.rest, new Map([...scope, [process.name, name]]), agent)
      }
      case 'out': {
        const sent = this.parts(this.terms.value(process.term, scope)).map((value) => ({ agent, value }))
        return joined({ ...NOTHING, sent }, this.steps(process.rest, scope, agent))
      }
      case 'event': {
        const args = process.args.map((arg) => this.terms.value(arg, scope))
        const event = { ...this.terms.tuple(args), head: process.name }
        return joined({ ...NOTHING, events: [event] }, this.steps(process.rest, scope, agent))
      }
      case 'let':
        return this.branch(process, scope, agent, () =>
          this.terms.bind(process.pattern, this.terms.value(process.term, scope), scope),
        )
      case 'if':
        break
    }
    return this.branch(process, scope, agent, () => {
      if (this.terms.value(process.test, scope).key !== 'true') throw new Stuck('if')
      return scope
    })
  }

  /** The one way or the other. A check that fails and has no else is where a process ends for nothing. */
  private branch(
    { rest, otherwise }: { readonly rest: Process; readonly otherwise: Process },
    scope: Bindings,
    agent: number,
    attempt: () => Bindings,
  ): Steps {
    let bound: Bindings
    try {
      bound = attempt()
    } catch (error) {
      if (!(error instanceof Stuck)) throw error
      return otherwise.kind === 'nil' ? { ...NOTHING, stuck: true } : this.steps(otherwise, scope, agent)
    }
    return this.steps(rest, bound, agent)
  }

  private parts(value: Value): Value[] {
    return this.terms.isTuple(value) ? [...value.args.flatMap((arg) => this.parts(arg)), value] : [value]
  }
}

function joined(one: Steps, other: Steps): Steps {
  return {
    waiting: [...one.waiting, ...other.waiting],
    sent: [...one.sent, ...other.sent],
    events: [...one.events, ...other.events],
    stuck: other.stuck,
  }
}
