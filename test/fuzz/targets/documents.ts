import { isUtf8 } from 'node:buffer'
import { encodeContextAddress, parseContextAddress } from '../../../src/contracts/contextAddress.ts'
import { rendering } from '../../../src/extension/documents/rendering.ts'
import { must, mustEqual, type Target } from '../engine/target.ts'
import { jsonOf } from './oracle.ts'
import { ANSWER, CALL, json, text } from './samples.ts'

const place = { sid: 'A'.repeat(64), dir: 'c2s', seq: 12 } as const
const HIDDEN = /[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u

/** What a tab of the editor is made of: an address that another extension may have made, and a context of anybody. */
export const DOCUMENTS: readonly Target[] = [
  {
    name: 'context-address',
    format: 'bytes',
    codes: [],
    seeds: [
      { ref: 'lx3-7', place, reveal: true },
      { place, reveal: false },
    ].map((each) => text(encodeContextAddress(each))),
    tokens: ['&', '=', 'ref=', 'sid=', 'reveal=yes', 'dir=s2c', '__proto__=', '%26'],
    run(bytes) {
      const query = Buffer.from(bytes).toString('latin1')
      const address = parseContextAddress(query)
      must(address === undefined || encodeContextAddress(address) === query, 'reads an address in two spellings')
    },
  },
  {
    name: 'context-rendering',
    format: 'json',
    codes: [],
    seeds: [CALL, ANSWER, json({ a: ['\u202e', {}, []] }), text('event: message\ndata: {"a":1}\n\n')],
    tokens: ['data: ', '\u202e', '\u001b[2J', '\u200b', '\\u0061', '__proto__', '9007199254740993'],
    longest: 16 * 1024,
    run(bytes) {
      const { text: shown } = rendering(bytes)
      must(!HIDDEN.test(shown), 'lets a character hide')
      const read = jsonOf(bytes)
      if (read.valid && isUtf8(bytes)) mustEqual(JSON.parse(shown), read.parsed, 'renders another value')
    },
  },
]
