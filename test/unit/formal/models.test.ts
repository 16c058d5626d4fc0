import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { check } from './proverif/check.ts'
import { happens } from './proverif/honestRun.ts'
import { parse } from './proverif/parse.ts'
import { tokens } from './proverif/tokens.ts'

/** ProVerif is not among what `npm test` may need, so nothing is proved here: this holds that the models can be given to it. */
const FOLDER = resolve(import.meta.dirname, '../../../docs/formal')
const out = mkdtempSync(join(tmpdir(), 'countersign-formal-'))
afterAll(() => rmSync(out, { recursive: true, force: true }))
execFileSync(process.execPath, [join(FOLDER, 'run.mjs'), '--out', out, '--write-only'])

/** Query, expected answer, what it says in words. The query is empty where the model asks it by its own form. */
type Expectation = readonly [query: string, want: boolean | string, why: string]
const table: Record<string, readonly Expectation[]> = JSON.parse(readFileSync(join(out, 'expected.json'), 'utf8'))
const expected = Object.entries(table)
const source = (name: string): string => readFileSync(join(out, `${name}.pv`), 'utf8')
const spaced = (query: string): string =>
  tokens(query)
    .map(({ text }) => text)
    .join(' ')

/** Left to ProVerif: one needs two roles with one key, in the other every role takes anything, so that there is no run to look for. */
const NOT_RUN = new Set(['uks_base: reachable: a key in session with itself'])
const runnable = expected
  .filter(([name]) => name !== 'domains_base')
  .flatMap(([name, queries]) => queries.map(([query, , why]) => ({ name, query, why })))
  .filter(({ name, why }) => why.startsWith('reachable') && !NOT_RUN.has(`${name}: ${why}`))

describe('the models', () => {
  it('are written, one file each, beside what is expected of them', () => {
    const files = readdirSync(out).filter((file) => file.endsWith('.pv'))
    expect(files.sort()).toEqual(expected.map(([name]) => `${name}.pv`).sort())
    expect(files.length).toBeGreaterThan(100)
  })

  it.each(expected)('%s is a model, and each query in it has an expected answer', (name, queries) => {
    const model = parse(source(name))
    check(model)
    const asked = model.declarations.flatMap((declaration) => (declaration.kind === 'query' ? [declaration.text] : []))
    // A model with `choice` asks one question without a query.
    expect(Math.max(asked.length, 1)).toBe(queries.length)
    for (const [index, [query, want, why]] of queries.entries()) {
      if (query !== '') expect(spaced(query)).toBe(asked[index])
      expect([true, false, 'cannot be proved']).toContain(want)
      expect(why.length).toBeGreaterThan(5)
    }
  })

  // `uks_m_notag` is there to show that the handshake does not hang on the two labels: identities alone tell the roles apart.
  const mutants = expected.filter(([name]) => /_m_|_no(sig|sid|tag)/.test(name) && name !== 'uks_m_notag')
  it.each(mutants)('mutant %s breaks something', (_, queries) => {
    expect(queries.some(([, want, why]) => want !== true && !why.startsWith('reachable'))).toBe(true)
  })

  it('that are said to have run are the very ones that ran', () => {
    const ran: Record<string, string> = JSON.parse(readFileSync(join(FOLDER, 'ran.json'), 'utf8'))
    const digest = (name: string): string => createHash('sha256').update(source(name)).digest('hex')
    expect(Object.keys(ran).length).toBeGreaterThan(0)
    expect(Object.fromEntries(Object.keys(ran).map((name) => [name, digest(name)]))).toEqual(ran)
  })
})

describe('an honest run', () => {
  const goal = (query: string) => {
    const [declaration] = parse(`${query}\nprocess 0`).declarations
    if (declaration?.kind !== 'query' || declaration.body.kind !== 'call') throw new Error(query)
    const [event] = declaration.body.args
    if (event === undefined) throw new Error(query)
    return event
  }

  it.each(runnable)('$name is $why', ({ name, query }) => {
    expect(happens(parse(source(name)), goal(query))).toBe(true)
  })

  /** A model without one of its roles. */
  const without = (name: string, role: string) => {
    const text = source(name).replace(`(!${role}(skA)) | `, '')
    expect(text).not.toBe(source(name))
    return parse(text)
  }

  it('lets an older attempt take over where the counter is not looked at, and only there', () => {
    const older = goal('query pc: pkey, ps: pkey, sid: bitstring; event(SOver(pc, ps, sid, a2, a1)).')
    expect(happens(without('binder_m_noattempt', 'Stray'), older)).toBe(true)
    expect(happens(without('binder_attempts', 'Stray'), older)).toBe(false)
  })

  it('does not end where the roles speak of different things', () => {
    // The gateway derives its keys from another transcript hash: nothing that it seals can be opened.
    const text = source('rekey_base')
    const at = text.indexOf('let Server')
    const apart = text.slice(0, at) + text.slice(at).replace('kdf(ms0, L_sap, th40)', 'kdf(ms0, L_sap, none)')
    expect(apart).not.toBe(text)
    expect(
      happens(
        parse(apart),
        goal('query ps: pkey, t: bitstring, k: bitstring; event(SRekDone(spk(skA), ps, t, k)).'),
        300,
      ),
    ).toBe(false)
  })
})

describe('the check', () => {
  const good = source('epochs_base')
  const bad = (from: string | RegExp, to: string): (() => void) => {
    const text = good.replace(from, to)
    expect(text).not.toBe(good)
    return () => check(parse(text))
  }

  it.each([
    ['a bracket too few', 'event CStart(pkC, pkS, n1, sid, ms1)', 'event CStart(pkC, pkS, n1, sid, ms1', /expected/],
    ['a bracket too many', /\)\s*$/, ') )', /the end expected/],
    ['let without in', 'let sid = conn in', 'let sid = conn', /name expected/],
    ['no process', /process\s+out/, 'out', /name expected|expected/],
    ['a comment without end', /(\(\* RekeyInit) \*\)(?![^]*RekeyInit \*\))/, '$1', /comment/],
    [
      'a constructor that nobody declared',
      'fun kdf(bitstring, bitstring, bitstring): bitstring.',
      '',
      /kdf is not declared/,
    ],
    ['a destructor that nobody declared', /reduc [^\n]*kdec\([^\n]*/, '', /kdec is not declared/],
    ['an event that nobody declared', /event CStart\(pkey[^\n]*/, '', /CStart is not declared/],
    [
      'a name that nobody declared',
      'const L_res, L_conn, suite, start',
      'const L_res, L_conn, suite',
      /start is not declared/,
    ],
    ['a type that nobody declared', 'type G.', '', /type G is not declared/],
    ['a process that nobody declared', '!Server(skG)', '!Gateway(skG)', /Gateway is not declared/],
    ['a name twice', 'free skA: skey [private].', 'free skA: skey [private]. free skA: skey.', /twice/],
    ['an argument too few', 'kdf(ms1, L_cap, rk1)', 'kdf(ms1, L_cap)', /takes 3 arguments/],
    ['an argument of another type', 'let pkC = spk(skC) in', 'let pkC = spk(c) in', /channel where skey/],
    ['a comparison of two types', 'if pkS = spk(skG)', 'if pkS = skG', /skey|pkey/],
    ['a pattern without its type', '(=n1, ek1: kempk, gx1: G)', '(=n1, ek1, gx1: G)', /ek1 needs a type/],
    ['a keyword for a name', /\bms2\b/g, 'table', /name expected/],
    ['a sign that is none', 'process', '# process', /unknown sign/],
  ])('refuses %s', (_, from, to, message) => {
    expect(bad(from, to)).toThrow(message)
  })
})
