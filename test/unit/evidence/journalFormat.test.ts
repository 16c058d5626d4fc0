import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { encodeLine, FIRST_PREV, parseLine } from '../../../src/evidence/journal/format.ts'

describe('the lines of a journal', () => {
  it('are written and read alike, and anything else is refused', () => {
    const close = { n: 7, prev: FIRST_PREV, line: { type: 'close', at: 1, records: 2 } } as const
    expect(parseLine(encodeLine(close))).toEqual(close)
    for (const wrong of ['{"n":7}', '[]', '1', '{"n":-1,"prev":"","type":"close"}']) {
      expect(() => parseLine(encodeUtf8(wrong))).toThrow(expect.objectContaining({ code: 'decode' }))
    }
    const valid = Buffer.from(encodeLine(close)).toString()
    for (const wrong of ['"type":"key"', '"type":"close","x":1', '"type":"close","type":"close"']) {
      const line = valid.replace('"type":"close"', wrong)
      expect(() => parseLine(encodeUtf8(line))).toThrow(expect.objectContaining({ code: 'decode' }))
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(() => parseLine(bytes)).toThrow(expect.objectContaining({ code: 'decode' }))
        },
      ),
    )
  })
})
