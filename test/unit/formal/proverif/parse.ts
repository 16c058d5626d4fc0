import { Reader } from './reader.ts'
import type { Declaration, Model, Process, Rule, Variable } from './syntax.ts'

const NIL: Process = { kind: 'nil' }

/**
 * Reads a whole model as ProVerif does: `|` binds loosest, what follows `;`, `in`, `then` or `else` reaches as far as it
 * can, `!` takes one process.
 * @throws Error with the line where it is no model
 */
export function parse(source: string): Model {
  const reader = new Reader(source)
  const declarations: Declaration[] = []
  while (!reader.accept('process')) {
    if (reader.ended) throw reader.error('process expected')
    // `set NAME = VALUE.` tells ProVerif how to work, not what the model is.
    if (reader.accept('set')) {
      reader.name()
      reader.expect('=')
      reader.name()
      reader.expect('.')
      continue
    }
    declarations.push(declaration(reader))
    reader.expect('.')
  }
  const main = parallel(reader)
  if (!reader.ended) throw reader.error('the end expected')
  return { declarations, process: main }
}

function declaration(reader: Reader): Declaration {
  const { line } = reader
  const start = reader.at
  if (reader.accept('type')) return { kind: 'type', name: reader.name(), line }
  if (reader.accept('free') || reader.accept('const')) {
    const names = reader.list(() => reader.name(), ':')
    const type = reader.type()
    options(reader)
    return { kind: 'value', names, type, line }
  }
  if (reader.accept('fun')) {
    const name = reader.name()
    reader.expect('(')
    const args = reader.list(() => reader.type(), ')')
    reader.expect(':')
    const result = reader.type()
    const rules: Rule[] = []
    if (reader.accept('reduc')) {
      do rules.push(rule(reader))
      while (reader.accept('otherwise'))
    }
    options(reader)
    return { kind: 'function', name, args, result, rules, line }
  }
  if (reader.accept('reduc')) return { kind: 'destructor', rule: rule(reader), line }
  if (reader.accept('equation')) return { kind: 'equation', rule: rule(reader), line }
  if (reader.accept('event')) {
    const name = reader.name()
    return { kind: 'event', name, args: reader.accept('(') ? reader.list(() => reader.type(), ')') : [], line }
  }
  if (reader.accept('letfun')) {
    const { name, params } = heading(reader)
    return { kind: 'letfun', name, params, body: reader.term(), line }
  }
  if (reader.accept('let')) {
    const { name, params } = heading(reader)
    return { kind: 'macro', name, params, body: parallel(reader), line }
  }
  reader.expect('query')
  const forall = reader.peek(1) === ':' ? reader.variables() : []
  return { kind: 'query', forall, body: reader.term(), text: `${reader.text(start)} .`, line }
}

function options(reader: Reader): void {
  if (reader.accept('[')) reader.list(() => reader.name(), ']')
}

function rule(reader: Reader): Rule {
  reader.expect('forall')
  const forall = reader.variables()
  const both = reader.term()
  if (both.kind !== 'op' || both.op !== '=') throw reader.error('an equation expected before this')
  return { forall, left: both.left, right: both.right }
}

function heading(reader: Reader): { name: string; params: Variable[] } {
  const name = reader.name()
  const params = reader.accept('(') ? reader.list(() => reader.variable(), ')') : []
  reader.expect('=')
  return { name, params }
}

function parallel(reader: Reader): Process {
  const first = single(reader)
  if (reader.peek() !== '|') return first
  const parts = [first]
  while (reader.accept('|')) parts.push(single(reader))
  return { kind: 'parallel', parts }
}

function next(reader: Reader): Process {
  return reader.accept(';') ? parallel(reader) : NIL
}

function otherwise(reader: Reader): Process {
  return reader.accept('else') ? parallel(reader) : NIL
}

function single(reader: Reader): Process {
  const { line } = reader
  if (reader.accept('0')) return NIL
  if (reader.accept('(')) {
    const inner = parallel(reader)
    reader.expect(')')
    return inner
  }
  if (reader.accept('!')) return { kind: 'replicate', body: single(reader) }
  if (reader.accept('new')) {
    const { name, type } = reader.variable()
    return { kind: 'new', name, type, rest: next(reader), line }
  }
  if (reader.accept('in')) {
    reader.expect('(')
    const channel = reader.term()
    reader.expect(',')
    const pattern = reader.pattern()
    reader.expect(')')
    return { kind: 'in', channel, pattern, rest: next(reader) }
  }
  if (reader.accept('out')) {
    reader.expect('(')
    const channel = reader.term()
    reader.expect(',')
    const term = reader.term()
    reader.expect(')')
    return { kind: 'out', channel, term, rest: next(reader) }
  }
  if (reader.accept('let')) {
    const pattern = reader.pattern()
    reader.expect('=')
    const term = reader.term()
    reader.expect('in')
    return { kind: 'let', pattern, term, rest: parallel(reader), otherwise: otherwise(reader) }
  }
  if (reader.accept('if')) {
    const test = reader.term()
    reader.expect('then')
    return { kind: 'if', test, rest: parallel(reader), otherwise: otherwise(reader), line }
  }
  if (reader.accept('event')) {
    const name = reader.name()
    const args = reader.accept('(') ? reader.list(() => reader.term(), ')') : []
    return { kind: 'event', name, args, rest: next(reader), line }
  }
  if (reader.accept('phase')) {
    if (!/^\d+$/.test(reader.peek())) throw reader.error('a number expected')
    reader.accept(reader.peek())
    return { kind: 'phase', rest: next(reader) }
  }
  const name = reader.name()
  return { kind: 'macro', name, args: reader.accept('(') ? reader.list(() => reader.term(), ')') : [], line }
}
