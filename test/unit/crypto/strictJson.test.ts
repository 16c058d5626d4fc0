import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStrictJson, scanMembers } from '../../../src/contracts/strictJson.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function accepts(text: string): boolean {
  try {
    scanMembers(bytes(text))
    return true
  } catch {
    return false
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('parseStrictJson', () => {
  test.each([
    ['a duplicate member', '{"a":1,"a":2}'],
    ['a duplicate spelled with an escape', '{"id":1,"\\u0069d":2}'],
    ['a duplicate deep inside', '[{"x":{"a":1,"b":2,"a":3}}]'],
    ['a duplicate __proto__', '{"__proto__":1,"__proto__":2}'],
    ['a high surrogate alone', '"\\ud800"'],
    ['a low surrogate alone', '"\\udc00 "'],
    ['surrogates in the wrong order', '"\\udc00\\ud800"'],
    ['half a surrogate in a name', '{"\\ud800":1}'],
    ['a byte order mark', '\ufeff{}'],
    ['something behind the end', '{} {}'],
    ['nothing', ' '],
    ['a trailing comma', '[1,]'],
    ['a leading zero', '01'],
    ['a control character', '"a\nb"'],
    ['NaN', 'NaN'],
    ['65 levels', '['.repeat(65) + ']'.repeat(65)],
  ])('refuses %s', (_what, text) => {
    expect(() => parseStrictJson(bytes(text))).toThrow(expect.objectContaining({ code: 'decode' }))
  })

  test('reads what is spelled as we spell it as it reads everything else', () => {
    const outcome = (text: string, safeIntegers: boolean) => {
      try {
        return { value: plain(parseStrictJson(bytes(text), { safeIntegers, maxDepth: 4 })) }
      } catch (thrown) {
        return { code: thrown instanceof CountersignError ? thrown.code : 'none of ours' }
      }
    }
    const name = fc.constantFrom('a', 'b', '1', '0', '__proto__', 'toJSON', '\\u0061', '\\ud800', '\u00fc', '')
    const scalar = fc.constantFrom(
      '1',
      '-0',
      '1.0',
      '1e21',
      '1e+21',
      '1e400',
      '-1',
      '9007199254740992',
      '"\\u00fc"',
      'null',
    )
    const { document } = fc.letrec<{ document: string }>((tie) => ({
      document: fc.oneof(
        { maxDepth: 5, depthSize: 'large' },
        scalar,
        fc.array(tie('document'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
        fc
          .array(fc.tuple(name, tie('document')), { maxLength: 3 })
          .map((members) => `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`),
      ),
    }))
    fc.assert(
      // A space, which JSON.stringify does not write, sends a document the long way.
      fc.property(document, fc.boolean(), (text, safe) => {
        expect(outcome(text, safe)).toEqual(outcome(` ${text}`, safe))
      }),
      { numRuns: 3000 },
    )
  })

  test('refuses half a surrogate in a text, which has no UTF-8', () => {
    expect(() => parseStrictJson('"\ud800"')).toThrow('surrogate')
  })

  test('refuses invalid UTF-8', () => {
    for (const broken of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
    ]) {
      expect(() => parseStrictJson(Uint8Array.from(broken))).toThrow('UTF-8')
    }
  })

  test('accepts 64 levels, pairs of surrogates, and the same name in different objects', () => {
    expect(parseStrictJson(bytes('['.repeat(64) + ']'.repeat(64)))).toBeDefined()
    expect(parseStrictJson(bytes('"\\ud83d\\ude00"'))).toBe('😀')
    expect(plain(parseStrictJson('{"a":{"a":1},"b":[{"a":1},{"a":2}]}'))).toEqual({
      a: { a: 1 },
      b: [{ a: 1 }, { a: 2 }],
    })
  })

  test('says the same of a document whichever way it reads it', () => {
    // White space around it keeps a document off the quick way.
    const outcome = (text: string): unknown => {
      try {
        return parseStrictJson(text)
      } catch (thrown) {
        return thrown instanceof Error ? thrown.message : thrown
      }
    }
    const spliced = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('"', '\\', '{', '}', ',', ':', '-', '0', '1e999', '\\u0061', '\\ud800', '__proto__'),
      )
      .map(([text, at, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice(at % (text.length + 1)))
    const twice = fc.tuple(fc.string(), fc.json()).map(([name, value]) => {
      const member = `${JSON.stringify(name)}:${value}`
      return `{${member},${member}}`
    })
    fc.assert(
      fc.property(fc.oneof(fc.json(), spliced, twice), (text) => {
        expect(outcome(text)).toEqual(outcome(`${text} `))
      }),
      { numRuns: 2000 },
    )
  })

  test.each(['9007199254740992', '-9007199254740992', '1e16', '1E400', '12345678901234567.0'])(
    'refuses %s only when integers must be safe',
    (text) => {
      expect(() => parseStrictJson(text)).not.toThrow()
      expect(() => parseStrictJson(`[${text}]`, { safeIntegers: true })).toThrow('exact')
    },
  )

  test.each(['9007199254740991', '-9007199254740991', '0.1', '1e3', '1.7976931348623157e-308'])(
    'accepts %s',
    (text) => {
      expect(parseStrictJson(text, { safeIntegers: true })).toBe(JSON.parse(text))
    },
  )

  test('members called __proto__ or constructor are members', () => {
    const value: object = Object(parseStrictJson('{"__proto__":{"x":1},"constructor":2,"in":{}}'))
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect(Object.getPrototypeOf(Reflect.get(value, 'in'))).toBeNull()
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'in'])
    expect(Reflect.get(value, 'toString')).toBeUndefined()
  })

  test('refuses minus zero in every spelling where numbers are exact, and keeps other negative numbers', () => {
    for (const text of ['-0', '-0.0', '-0e5', '-1e-400']) {
      expect(() => parseStrictJson(`[${text}]`, { safeIntegers: true })).toThrow('minus zero')
      expect(parseStrictJson(text)).toBe(-0)
    }
    expect(parseStrictJson('[-1, -0.5, 0, 0e1]', { safeIntegers: true })).toEqual([-1, -0.5, 0, 0])
  })

  test('agrees with JSON.parse on every document without ambiguity', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(plain(parseStrictJson(text))).toEqual(JSON.parse(text))
      }),
    )
  })
})

describe('scanMembers', () => {
  test('gives exact tokens, whatever the white space', () => {
    const text =
      '\n{ "jsonrpc" :"2.0", "id": 1.0e1 ,"params"\t:{"name":"a\\u0062", "arguments": {"name":[1,{"id":2}]} } }\r\n'
    const scanned = scanMembers(bytes(text))
    expect(scanned.kind).toBe('object')
    expect(scanned.duplicates).toEqual([])
    const token = (map: ReadonlyMap<string, { start: number; end: number }> | undefined, name: string) => {
      const span = map?.get(name)
      return span && new TextDecoder().decode(bytes(text).slice(span.start, span.end))
    }
    expect([...scanned.members.keys()]).toEqual(['jsonrpc', 'id', 'params'])
    expect(token(scanned.members, 'id')).toBe('1.0e1')
    expect(token(scanned.nested.get('params'), 'name')).toBe('"a\\u0062"')
    expect(token(scanned.nested.get('params'), 'arguments')).toBe('{"name":[1,{"id":2}]}')
  })

  test.each([
    ['{"id":1,"id":2}', ['id']],
    ['{"id":1,"\\u0069d":2}', ['id']],
    ['{"method":"a","Method":"b"}', ['Method']],
    ['{"Method":"b"}', ['Method']],
    ['{"paramſ":1}', ['paramſ']],
    ['{"params":{"name":1,"name":2,"x":1,"X":2}}', ['params.name', 'params.X']],
    ['{"params":{"Name":1}}', ['params.Name']],
    ['{"params":{"name":1},"params":{"name":2}}', ['params', 'params.name']],
    ['{"params":{"arguments":{"a":1,"a":2}}}', []],
    ['{"other":{"a":1,"a":2},"x.y":1,"Foo":1}', []],
    ['[{"id":1,"id":2}]', []],
  ])('duplicates of %s', (text, duplicates) => {
    expect(scanMembers(bytes(text)).duplicates).toEqual(duplicates)
  })

  test('of a duplicate the first is given', () => {
    const text = '{"params":{"name":1},"params":{"name":2}}'
    expect(scanMembers(bytes(text)).nested.get('params')?.get('name')).toEqual({ start: 18, end: 19 })
  })

  test('knows arrays and scalars', () => {
    expect(scanMembers(bytes('[]')).kind).toBe('array')
    expect(scanMembers(bytes('"x"')).kind).toBe('scalar')
    expect(scanMembers(bytes('{"a":[]}')).members.get('a')).toEqual({ start: 5, end: 7 })
  })

  test('is linear and does not recurse', () => {
    expect(() => scanMembers(bytes('['.repeat(1001)))).toThrow('nested')
    expect(() => scanMembers(bytes(`{${Array.from({ length: 5000 }, (_, i) => `"${i}":0`).join()}}`))).toThrow('many')
    const long = bytes(`{"a":"${'\\u0041'.repeat(500_000)}","b":[${'1,'.repeat(500_000)}1]}`)
    const start = performance.now()
    scanMembers(long)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  test('accepts exactly what JSON.parse accepts', () => {
    const piece = fc.constantFrom(
      ...Array.from('{}[],:" \n\t\\eE+-.0123456789abftrunlsx"'),
      'true',
      'false',
      'null',
      '"a":',
      '\\u00e9',
      '{"a":',
      '1e5',
      '\u0001',
      'é',
      '\u2028',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('')
        expect(accepts(text), text).toBe(parses(text))
      }),
      { numRuns: 5000 },
    )
  })

  test('accepts exactly what JSON.parse accepts of documents with one character changed', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom(...Array.from('{}[],:"\\ 0-.e\u0000')),
        (value, position, character) => {
          const text = JSON.stringify(value)
          const at = position % (text.length + 1)
          const changed = text.slice(0, at) + character + text.slice(at + (position % 2))
          // A lone surrogate has no UTF-8; TextEncoder would test another text.
          fc.pre(!/\p{Surrogate}/u.test(changed))
          expect(accepts(changed), changed).toBe(parses(changed))
        },
      ),
      { numRuns: 2000 },
    )
  })
})
