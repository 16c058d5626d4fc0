import type { Pattern, Term, Variable } from './syntax.ts'
import { type Token, tokens } from './tokens.ts'

/** Words that cannot name anything. ProVerif refuses them with nothing but "syntax error". */
const RESERVED = new Set(
  `among axiom channel choice clauses const def diff do elimtrue else equation equivalence event expand fail for forall
  foreach free fun get if implementation in insert lemma let letfun letproba new noninterf noselect not nounif or otherwise
  out param phase pred proba process proof public_vars putbegin query reduc restriction secret select set suchthat sync
  table then type weaksecret yield`.split(/\s+/),
)

/** Loosest first. All of one row bind alike, to the left. */
const OPERATORS = [['==>'], ['||'], ['&&'], ['=', '<>']] as const

/** Reads tokens one by one, and what is not a process: names, variables, terms, patterns. */
export class Reader {
  private readonly tokens: readonly Token[]
  private position = 0

  constructor(source: string) {
    this.tokens = tokens(source)
  }

  get line(): number {
    return (this.tokens[this.position] ?? this.tokens.at(-1))?.line ?? 0
  }

  get ended(): boolean {
    return this.position === this.tokens.length
  }

  peek(ahead = 0): string {
    return this.tokens[this.position + ahead]?.text ?? ''
  }

  /** Everything between two positions, with single spaces: how a query is recognised whatever its spacing. */
  text(from: number): string {
    return this.tokens
      .slice(from, this.position)
      .map((token) => token.text)
      .join(' ')
  }

  get at(): number {
    return this.position
  }

  accept(text: string): boolean {
    if (this.peek() !== text) return false
    this.position++
    return true
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.error(`${text} expected`)
  }

  error(message: string): Error {
    return new Error(`line ${this.line}: ${message}, found ${this.ended ? 'the end' : this.peek()}`)
  }

  name(): string {
    const text = this.peek()
    if (!/^[A-Za-z][\w']*$/.test(text) || RESERVED.has(text)) throw this.error('a name expected')
    this.position++
    return text
  }

  /** The one type that is also a keyword. */
  type(): string {
    return this.accept('channel') ? 'channel' : this.name()
  }

  list<T>(item: () => T, close: string): T[] {
    const items: T[] = []
    if (this.accept(close)) return items
    do items.push(item())
    while (this.accept(','))
    this.expect(close)
    return items
  }

  variable(): Variable {
    const name = this.name()
    this.expect(':')
    return { name, type: this.type() }
  }

  /** `x: t, y: t;` behind forall or query. */
  variables(): Variable[] {
    return this.list(() => this.variable(), ';')
  }

  term(level = 0): Term {
    const row: readonly string[] | undefined = OPERATORS[level]
    if (row === undefined) return this.simple()
    let left = this.term(level + 1)
    for (;;) {
      const { line } = this
      const op = OPERATORS[level]?.find((sign) => this.accept(sign))
      if (op === undefined) return left
      left = { kind: 'op', op, left, right: this.term(level + 1), line }
    }
  }

  private simple(): Term {
    const { line } = this
    if (this.accept('(')) {
      const items = this.list(() => this.term(), ')')
      return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'tuple', items }
    }
    if (this.accept('if')) {
      const test = this.term()
      this.expect('then')
      const yes = this.term()
      this.expect('else')
      return { kind: 'if', test, yes, no: this.term(), line }
    }
    if (this.accept('choice')) {
      this.expect('[')
      const [left, right, ...more] = this.list(() => this.term(), ']')
      if (left === undefined || right === undefined || more.length > 0) throw this.error('choice of two expected')
      return { kind: 'choice', left, right, line }
    }
    const event = ['event', 'inj-event'].find((word) => this.accept(word))
    const name = event ?? this.name()
    return this.accept('(')
      ? { kind: 'call', name, args: this.list(() => this.term(), ')'), line }
      : { kind: 'name', name, line }
  }

  pattern(): Pattern {
    const { line } = this
    if (this.accept('(')) return { kind: 'tuple', items: this.list(() => this.pattern(), ')') }
    if (this.accept('=')) return { kind: 'equal', term: this.term(OPERATORS.length) }
    const name = this.name()
    return { kind: 'bind', name, type: this.accept(':') ? this.type() : undefined, line }
  }
}
