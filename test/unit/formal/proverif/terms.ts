import type { Model, Pattern, Rule, Term } from './syntax.ts'

/** A closed term in normal form. Two are equal when their keys are. */
export interface Value {
  readonly key: string
  readonly head: string
  readonly args: readonly Value[]
  readonly type: string
}

export type Bindings = ReadonlyMap<string, Value>

/** What no rule gives a meaning to: decryption with another key, for example. A process ends there, or takes its else. */
export class Stuck extends Error {}

const TUPLE = ''

/** Builds and matches values as a model's declarations say. Of the attacker there is nothing here. */
export class Terms {
  readonly globals = new Map<string, Value>()
  private readonly results = new Map<string, string>()
  private readonly rules = new Map<string, Rule[]>()
  private readonly equations: Rule[] = []
  private readonly shorthands = new Map<string, { params: readonly string[]; body: Term }>()
  private fresh = 0

  constructor(model: Model) {
    for (const name of ['true', 'false']) this.globals.set(name, atom(name, 'bool'))
    for (const declaration of model.declarations) {
      if (declaration.kind === 'value')
        for (const name of declaration.names) this.globals.set(name, atom(name, declaration.type))
      if (declaration.kind === 'function') {
        this.results.set(declaration.name, declaration.result)
        if (declaration.rules.length > 0) this.rules.set(declaration.name, [...declaration.rules])
      }
      if (declaration.kind === 'equation') this.equations.push(declaration.rule)
      if (declaration.kind === 'letfun')
        this.shorthands.set(declaration.name, {
          params: declaration.params.map(({ name }) => name),
          body: declaration.body,
        })
      if (declaration.kind === 'destructor' && declaration.rule.left.kind === 'call')
        this.rules.set(declaration.rule.left.name, [declaration.rule])
    }
  }

  /** A name that nothing else has. */
  invent(name: string, type: string): Value {
    return atom(`${name}#${this.fresh++}`, type)
  }

  /** @throws Stuck */
  value(term: Term, scope: Bindings): Value {
    switch (term.kind) {
      case 'name':
        return scope.get(term.name) ?? this.globals.get(term.name) ?? stuck(term.name)
      case 'tuple':
        return build(
          TUPLE,
          term.items.map((item) => this.value(item, scope)),
          'bitstring',
        )
      case 'choice':
        return this.value(term.left, scope)
      case 'if':
        return this.value(this.value(term.test, scope).key === 'true' ? term.yes : term.no, scope)
      case 'op': {
        const left = this.value(term.left, scope)
        if (term.op === '||' && left.key === 'true') return left
        if (term.op === '&&' && left.key === 'false') return left
        const right = this.value(term.right, scope)
        if (term.op === '||' || term.op === '&&') return right
        return atom(String((left.key === right.key) === (term.op === '=')), 'bool')
      }
      case 'call':
        break
    }
    return this.apply(
      term.name,
      term.args.map((arg) => this.value(arg, scope)),
    )
  }

  private apply(name: string, args: readonly Value[]): Value {
    const shorthand = this.shorthands.get(name)
    if (shorthand !== undefined)
      return this.value(shorthand.body, new Map(shorthand.params.map((param, i) => [param, args[i] ?? stuck(param)])))
    const rules = this.rules.get(name)
    if (rules === undefined) return this.normal(build(name, args, this.results.get(name) ?? 'bitstring'))
    for (const { left, right } of rules) {
      const bound = left.kind === 'call' ? this.matchAll(left.args, args, new Map()) : undefined
      if (bound !== undefined) return this.value(right, bound)
    }
    return stuck(name)
  }

  /** Of two terms that an equation makes equal, the one with the lesser key stands for both. */
  private normal(value: Value): Value {
    for (const { left, right } of this.equations) {
      const bound = this.match(left, value, new Map())
      if (bound === undefined || right.kind !== 'call') continue
      const args = right.args.map((arg) => this.raw(arg, bound))
      const other = build(right.name, args, value.type)
      if (other.key < value.key) return other
    }
    return value
  }

  private raw(term: Term, scope: Bindings): Value {
    if (term.kind !== 'call') return this.value(term, scope)
    const args = term.args.map((arg) => this.raw(arg, scope))
    return build(term.name, args, this.results.get(term.name) ?? 'bitstring')
  }

  private matchAll(terms: readonly Term[], values: readonly Value[], scope: Bindings): Bindings | undefined {
    let bound: Bindings | undefined = scope
    for (const [index, term] of terms.entries()) {
      const value = values[index]
      if (bound === undefined || value === undefined) return undefined
      bound = this.match(term, value, bound)
    }
    return bound
  }

  /** A rule's or a query's term against a value: names that are neither bound nor declared are variables. */
  match(term: Term, value: Value, scope: Bindings): Bindings | undefined {
    if (term.kind === 'name') {
      const known = scope.get(term.name) ?? this.globals.get(term.name)
      if (known === undefined) return new Map([...scope, [term.name, value]])
      return known.key === value.key ? scope : undefined
    }
    const head = term.kind === 'call' ? term.name : term.kind === 'tuple' ? TUPLE : undefined
    const args = term.kind === 'call' ? term.args : term.kind === 'tuple' ? term.items : []
    if (head !== value.head || args.length !== value.args.length) return undefined
    return this.matchAll(args, value.args, scope)
  }

  /** A process's pattern against a value. @throws Stuck when it is another one */
  bind(pattern: Pattern, value: Value, scope: Bindings): Bindings {
    switch (pattern.kind) {
      case 'bind':
        if (pattern.type !== undefined && pattern.type !== value.type) return stuck(pattern.name)
        return new Map([...scope, [pattern.name, value]])
      case 'equal':
        return this.value(pattern.term, scope).key === value.key ? scope : stuck('=')
      case 'tuple':
        break
    }
    if (value.head !== TUPLE || value.args.length !== pattern.items.length) return stuck('tuple')
    return pattern.items.reduce((bound, item, i) => this.bind(item, value.args[i] ?? stuck('item'), bound), scope)
  }

  tuple(items: readonly Value[]): Value {
    return build(TUPLE, items, 'bitstring')
  }

  isTuple(value: Value): boolean {
    return value.head === TUPLE
  }
}

function atom(name: string, type: string): Value {
  return { key: name, head: name, args: [], type }
}

function build(head: string, args: readonly Value[], type: string): Value {
  return { key: `${head}(${args.map(({ key }) => key).join(',')})`, head, args, type }
}

function stuck(what: string): never {
  throw new Stuck(what)
}
