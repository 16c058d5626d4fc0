import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { panelHtml } from '../../../src/contracts/panelHtml.ts'
import { placed, splitAt } from '../../../webview/contexts/proofShape.ts'
import { figure, size } from '../../../webview/text/format.ts'
import { oddities, pieces, plain } from '../../../webview/text/hostile.ts'
import { layout, MOST_COLUMNS, MOST_LINES, tokenize } from '../../../webview/text/json.ts'

const DANGEROUS = [
  '\u202e',
  '\u2066',
  '\u200b',
  '\u200d',
  '\u0007',
  '\u001b',
  '\u0000',
  '\u00ad',
  '\ufeff',
  '\u2028',
  '\u3164',
  '\u{e0041}',
  '\ud800',
  '\u00a0',
  '\u061c',
  '\ufffd',
  '\u2800',
]

describe('text that others wrote', () => {
  test.each(DANGEROUS)('shows and marks %j', (character) => {
    const found = pieces(`a${character}b`)
    expect(found).toHaveLength(3)
    expect(found[1]?.odd).toMatch(/^U\+/)
    expect(plain(`a${character}b`)).not.toContain(character)
    expect(oddities(character)).toBe(1)
  })

  test('leaves people’s languages alone', () => {
    for (const text of ['Grüße', '日本語', 'שלום', 'مرحبا', 'नमस्ते', '😀', 'é']) expect(pieces(text)).toEqual([{ text }])
  })

  test('whatever comes, nothing that changes direction or hides is left, and no visible text is lost', () => {
    const nasty = fc.stringMatching(/^[a-c\u202e\u200b\u0007<>"&]*$/)
    fc.assert(
      fc.property(nasty, (text) => {
        const shown = plain(text, 10_000)
        expect(/[\p{Cc}\p{Cf}\p{Cs}]/u.test(shown)).toBe(false)
        const kept = pieces(text).filter((piece) => piece.odd === undefined)
        expect(kept.map((piece) => piece.text).join('')).toBe(text.replace(/[\u202e\u200b\u0007]/g, ''))
      }),
    )
  })

  test('piles of combining marks are cut open', () => {
    expect(oddities(`a${'\u0301'.repeat(20)}`)).toBe(17)
  })
})

describe('contexts as lines', () => {
  const flat = (text: string) => layout(text).map((line) => line.map((token) => token.text).join(''))

  test('draws JSON without changing a token', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (json) => {
        const tokens = tokenize(json)
        expect(tokens?.join('')).toBe(json)
        expect(JSON.parse(tokens?.join(' ') ?? '')).toEqual(JSON.parse(json))
      }),
    )
  })

  test('keeps duplicate members and long numbers as they are', () => {
    expect(flat('{"a":1,"a":12345678901234567890}')).toEqual(['{', '  "a": 1,', '  "a": 12345678901234567890', '}'])
  })

  test('nesting, length and width have an end', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(layout(deep).length).toBeLessThanOrEqual(MOST_LINES + 1)
    const wide = layout(`{"a":"${'x'.repeat(100_000)}"}`)
    expect(Math.max(...wide.map((line) => line.map((token) => token.text).join('').length))).toBeLessThan(
      MOST_COLUMNS + 100,
    )
    expect(layout('a\n'.repeat(100_000)).length).toBeLessThanOrEqual(MOST_LINES + 1)
  })

  test('what is not JSON is lines; an event keeps its fields', () => {
    expect(flat('{"a":')).toEqual(['{"a":'])
    expect(flat('event: message\ndata: {"a":1}\n\n')).toEqual(['event: message', 'data:', '{', '  "a": 1', '}', '', ''])
  })
})

describe('the proof as a tree', () => {
  test('a place for the leaf, the root and every given node, for every index and size up to 64', () => {
    let trees = 0
    for (let n = 1; n <= 64; n++) {
      for (let index = 0; index < n; index++) {
        let depth = 0
        for (let [from, to] = [0, n]; to - from > 1; depth++) {
          const cut = from + splitAt(to - from)
          ;[from, to] = index < cut ? [from, cut] : [cut, to]
        }
        const hashes = (count: number) => Array.from({ length: count }, (_, at) => at.toString(16).padStart(96, '0'))
        const places = placed({ index, size: n, given: hashes(depth), computed: hashes(depth + 1) })
        expect(places?.filter((place) => place.kind === 'computed')).toHaveLength(depth + 1)
        expect(places?.filter((place) => place.kind === 'given')).toHaveLength(depth)
        for (const place of places ?? []) {
          expect(place.x).toBeGreaterThan(0)
          expect(place.x).toBeLessThan(1)
          if (place.parent !== undefined) expect(place.parent.level).toBeGreaterThan(place.level)
        }
        trees++
      }
    }
    expect(trees).toBe(2080)
  })

  test('draws nothing from a proof of another shape', () => {
    expect(placed({ index: 3, size: 3, given: [], computed: ['aa'] })).toBeUndefined()
    expect(placed({ index: 0, size: 4, given: ['aa'], computed: ['aa', 'bb'] })).toBeUndefined()
  })
})

test('what was not measured is a dash', () => {
  expect(figure(undefined)).toBe('–')
  expect(figure(0)).toBe('0.0')
  expect(size(412)).toBe('412 B')
})

test('the document escapes every value and keeps its policy', () => {
  const evil = '"><script>alert(1)</script>; script-src *'
  const html = panelHtml({
    nonce: evil,
    cspSource: evil,
    scriptUri: evil,
    styleUri: evil,
    title: evil,
    language: evil,
    words: evil,
  })
  expect(html).not.toContain('<script>alert')
  expect(html.match(/<script/g)).toHaveLength(1)
  expect(html.match(/script-src/g)?.length).toBeGreaterThan(0)
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? ''
  expect(policy.split('; ')).toHaveLength(7)
  expect(policy).toContain('default-src &#39;none&#39;')
  expect(
    panelHtml({
      nonce: 'n',
      cspSource: "'self' https://x.test",
      scriptUri: 's',
      styleUri: 'c',
      title: 't',
      language: 'en',
      words: '{}',
    }),
  ).toContain('style-src &#39;self&#39; https://x.test')
})
