import type { Declaration, Model, Pattern, Process, Rule, Term, Variable } from './syntax.ts'

interface Signature {
  readonly args: readonly string[]
  readonly result: string
}

/** Facts that a query may speak of, and what they take. */
type Scope = ReadonlyMap<string, string>

/**
 * Holds a model to ProVerif's rules: everything that is used was declared before it is used, once, and gets arguments of the
 * declared number and types; both sides of a comparison have one type; a pattern says the types it cannot infer.
 * @throws Error with the line of the first thing that is wrong
 */
export function check(model: Model): void {
  const checker = new Checker()
  for (const declaration of model.declarations) checker.declare(declaration)
  checker.process(model.process, checker.globals)
}

class Checker {
  readonly globals = new Map<string, string>([
    ['true', 'bool'],
    ['false', 'bool'],
  ])
  private readonly types = new Set(['bitstring', 'bool', 'channel'])
  private readonly functions = new Map<string, Signature>()
  private readonly events = new Map<string, Signature>()
  private readonly macros = new Map<string, Signature>()

  declare(declaration: Declaration): void {
    const { line } = declaration
    switch (declaration.kind) {
      case 'type':
        if (this.types.has(declaration.name)) throw fault(line, `type ${declaration.name} twice`)
        this.types.add(declaration.name)
        return
      case 'value':
        this.known(line, [declaration.type])
        for (const name of declaration.names) add(this.globals, name, declaration.type, line)
        return
      case 'function':
        this.known(line, [...declaration.args, declaration.result])
        add(this.functions, declaration.name, { args: declaration.args, result: declaration.result }, line)
        for (const rule of declaration.rules) this.rule(rule, line)
        return
      case 'destructor':
        this.destructor(declaration.rule, line)
        return
      case 'equation':
        this.rule(declaration.rule, line)
        return
      case 'event':
        this.known(line, declaration.args)
        add(this.events, declaration.name, { args: declaration.args, result: 'fact' }, line)
        return
      case 'letfun': {
        const scope = this.extend(this.globals, declaration.params, line)
        const result = this.type(declaration.body, scope)
        add(this.functions, declaration.name, { args: declaration.params.map(({ type }) => type), result }, line)
        return
      }
      case 'macro':
        // Declared after its body was looked at: ProVerif's processes cannot call themselves.
        this.process(declaration.body, this.extend(this.globals, declaration.params, line))
        add(
          this.macros,
          declaration.name,
          { args: declaration.params.map(({ type }) => type), result: 'process' },
          line,
        )
        return
      case 'query':
        this.fact(declaration.body, this.extend(this.globals, declaration.forall, line), line)
    }
  }

  private known(line: number, types: readonly string[]): void {
    for (const type of types) if (!this.types.has(type)) throw fault(line, `type ${type} is not declared`)
  }

  private extend(scope: Scope, variables: readonly Variable[], line: number): Scope {
    this.known(
      line,
      variables.map(({ type }) => type),
    )
    return new Map([...scope, ...variables.map(({ name, type }): [string, string] => [name, type])])
  }

  private rule(rule: Rule, line: number): void {
    const scope = this.extend(this.globals, rule.forall, line)
    same(line, this.type(rule.left, scope), this.type(rule.right, scope))
  }

  /** A destructor is declared by its rule: its arguments have the types of what stands there. */
  private destructor(rule: Rule, line: number): void {
    const scope = this.extend(this.globals, rule.forall, line)
    if (rule.left.kind !== 'call') throw fault(line, 'a destructor with arguments expected')
    const args = rule.left.args.map((arg) => this.type(arg, scope))
    add(this.functions, rule.left.name, { args, result: this.type(rule.right, scope) }, line)
  }

  private type(term: Term, scope: Scope): string {
    switch (term.kind) {
      case 'tuple':
        for (const item of term.items) this.type(item, scope)
        return 'bitstring'
      case 'name': {
        const type = scope.get(term.name)
        if (type === undefined) throw fault(term.line, `${term.name} is not declared`)
        return type
      }
      case 'call': {
        const signature = this.functions.get(term.name)
        if (signature === undefined) throw fault(term.line, `function ${term.name} is not declared`)
        this.args(term.name, signature, term.args, scope, term.line)
        return signature.result
      }
      case 'choice':
        return same(term.line, this.type(term.left, scope), this.type(term.right, scope))
      case 'if':
        same(term.line, this.type(term.test, scope), 'bool')
        return same(term.line, this.type(term.yes, scope), this.type(term.no, scope))
      case 'op':
        break
    }
    if (term.op === '==>') throw fault(term.line, '==> outside a query')
    const type = same(term.line, this.type(term.left, scope), this.type(term.right, scope))
    if (term.op === '&&' || term.op === '||') same(term.line, type, 'bool')
    return 'bool'
  }

  private args(name: string, signature: Signature, args: readonly Term[], scope: Scope, line: number): void {
    if (args.length !== signature.args.length)
      throw fault(line, `${name} takes ${signature.args.length} arguments, found ${args.length}`)
    for (const [index, arg] of args.entries()) same(line, this.type(arg, scope), signature.args[index] ?? '')
  }

  /** A query's formula: facts, joined; comparisons of terms beside them. */
  private fact(term: Term, scope: Scope, line: number): void {
    if (term.kind === 'op' && term.op !== '=' && term.op !== '<>') {
      this.fact(term.left, scope, line)
      this.fact(term.right, scope, line)
    } else if (term.kind === 'op') {
      this.type(term, scope)
    } else if (term.kind === 'call' && term.name === 'attacker' && term.args[0] !== undefined) {
      this.type(term.args[0], scope)
    } else if (term.kind === 'call' && ['event', 'inj-event'].includes(term.name) && term.args[0]?.kind === 'call') {
      this.event(term.args[0].name, term.args[0].args, scope, line)
    } else {
      throw fault(line, 'a query that speaks of no fact')
    }
  }

  private event(name: string, args: readonly Term[], scope: Scope, line: number): void {
    const signature = this.events.get(name)
    if (signature === undefined) throw fault(line, `event ${name} is not declared`)
    this.args(name, signature, args, scope, line)
  }

  private pattern(pattern: Pattern, type: string | undefined, scope: Scope): Scope {
    switch (pattern.kind) {
      case 'bind': {
        const own = pattern.type ?? type
        if (own === undefined) throw fault(pattern.line, `${pattern.name} needs a type`)
        if (type !== undefined) same(pattern.line, own, type)
        return this.extend(scope, [{ name: pattern.name, type: own }], pattern.line)
      }
      case 'equal': {
        const own = this.type(pattern.term, scope)
        if (type !== undefined) same('line' in pattern.term ? pattern.term.line : 0, own, type)
        return scope
      }
      case 'tuple':
        break
    }
    if (type !== undefined) same(0, type, 'bitstring')
    return pattern.items.reduce((inner, item) => this.pattern(item, undefined, inner), scope)
  }

  process(process: Process, scope: Scope): void {
    switch (process.kind) {
      case 'nil':
        return
      case 'parallel':
        for (const part of process.parts) this.process(part, scope)
        return
      case 'replicate':
        this.process(process.body, scope)
        return
      case 'macro': {
        const signature = this.macros.get(process.name)
        if (signature === undefined) throw fault(process.line, `process ${process.name} is not declared`)
        this.args(process.name, signature, process.args, scope, process.line)
        return
      }
      case 'new':
        this.process(process.rest, this.extend(scope, [process], process.line))
        return
      case 'in':
        same(0, this.type(process.channel, scope), 'channel')
        this.process(process.rest, this.pattern(process.pattern, undefined, scope))
        return
      case 'out':
        same(0, this.type(process.channel, scope), 'channel')
        this.type(process.term, scope)
        this.process(process.rest, scope)
        return
      case 'let': {
        const type = this.type(process.term, scope)
        this.process(process.rest, this.pattern(process.pattern, type, scope))
        this.process(process.otherwise, scope)
        return
      }
      case 'if':
        same(process.line, this.type(process.test, scope), 'bool')
        this.process(process.rest, scope)
        this.process(process.otherwise, scope)
        return
      case 'event':
        this.event(process.name, process.args, scope, process.line)
        this.process(process.rest, scope)
        return
      case 'phase':
        this.process(process.rest, scope)
    }
  }
}

function add<T>(map: Map<string, T>, name: string, value: T, line: number): void {
  if (map.has(name)) throw fault(line, `${name} is declared twice`)
  map.set(name, value)
}

function same(line: number, one: string, other: string): string {
  if (one !== other) throw fault(line, `${one} where ${other} belongs`)
  return one
}

function fault(line: number, message: string): Error {
  return new Error(`line ${line}: ${message}`)
}
