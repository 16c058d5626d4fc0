import * as cborg from 'cborg'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../../../src/contracts/cbor.ts'

const LIMITS = { bytes: 1 << 20, depth: 16 }

const { value: values } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((number) => number + 0),
    fc.integer({ min: -300, max: 70_000 }),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 30 }), tie('value'), { maxKeys: 30 }),
  ),
}))

/** What another implementation reads, where it can write the same bytes again; "refused" for everything else. */
function byCborg(bytes: Uint8Array): unknown {
  try {
    const value: unknown = cborg.decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    })
    if (!isOurs(value)) return 'refused'
    return Buffer.compare(cborg.encode(value, cborg.rfc8949EncodeOptions), bytes) === 0 ? { value } : 'refused'
  } catch {
    return 'refused'
  }
}

function isOurs(value: unknown): boolean {
  if (value === null || value instanceof Uint8Array) return true
  if (typeof value === 'object') return Object.values(value).every(isOurs)
  return typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

function byUs(bytes: Uint8Array): unknown {
  try {
    return { value: decodeCbor(bytes, LIMITS) }
  } catch {
    return 'refused'
  }
}

describe('deterministic CBOR', () => {
  test('is written as another implementation writes it, and read back', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encodeCbor(value)
        expect(bytes).toEqual(new Uint8Array(cborg.encode(value, cborg.rfc8949EncodeOptions)))
        expect(decodeCbor(bytes, LIMITS)).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  test('is taken where another implementation would write the same bytes, and nowhere else', () => {
    const changed = fc
      .tuple(values, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 2 }))
      .map(([value, at, byte, how]) => {
        const bytes = Array.from(encodeCbor(value))
        const place = at % bytes.length
        // One byte changed, one put in, one left out.
        bytes.splice(place, how === 1 ? 0 : 1, ...(how === 2 ? [] : [byte]))
        return Uint8Array.from(bytes)
      })
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 12 })), (bytes) => {
        expect(byUs(bytes)).toEqual(byCborg(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    ['a length in more bytes than it needs', '1801'],
    ['an array without a length', '9fff'],
    ['a tag', 'c101'],
    ['a float', 'f93c00'],
    ['undefined', 'f7'],
    ['a key twice', 'a2616101616102'],
    ['keys out of order', 'a2616201616102'],
    ['a short key behind a long one', 'a262616101616202'],
    ['a key that is no text', 'a10101'],
    ['an integer past 2^53', '1b0020000000000000'],
    ['a negative integer past -2^53', '3b001fffffffffffff'],
    ['a text that is not UTF-8', '61ff'],
    ['something behind its end', '0000'],
    ['a list that is announced and not there', '9affffffff'],
    ['bytes that are announced and not there', '5affffffff'],
    ['17 arrays in each other', `${'81'.repeat(16)}80`],
    ['nothing', ''],
  ])('refuses %s', (_what, hex) => {
    expect(() => decodeCbor(new Uint8Array(Buffer.from(hex, 'hex')), LIMITS)).toThrow(
      expect.objectContaining({ code: 'decode' }),
    )
  })

  test('keeps a member that is called __proto__', () => {
    const bytes = new Uint8Array(Buffer.from('a1695f5f70726f746f5f5f01', 'hex'))
    const value = decodeCbor(bytes, LIMITS)
    expect(Object.keys(value ?? {})).toEqual(['__proto__'])
    expect(encodeCbor(value)).toEqual(bytes)
  })

  test('copies what it reads', () => {
    const bytes = Uint8Array.of(0x42, 1, 2)
    const value = decodeCbor(bytes, LIMITS)
    bytes.fill(0)
    expect(value).toEqual(Uint8Array.of(1, 2))
  })

  test.each([[Number.NaN], [1.5], [-0], [2 ** 53], ['\ud800']])('does not write %s', (value) => {
    expect(() => encodeCbor(value)).toThrow(expect.objectContaining({ code: 'decode' }))
  })
})
