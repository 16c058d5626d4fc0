import { isUtf8 } from 'node:buffer'
import { parseBundleIntent, parseBundleMessage } from '../../../src/contracts/bundleView.ts'
import { encodeContextAddress, parseContextAddress } from '../../../src/contracts/contextAddress.ts'
import { rendering } from '../../../src/extension/documents/rendering.ts'
import { must, mustEqual, type Target } from '../engine/target.ts'
import { jsonOf } from './oracle.ts'
import { bundleReport } from '../../webview/dataBundle.ts'
import { ANSWER, CALL, json, KID, text } from './samples.ts'
import { unchanged, valuesOf } from './values.ts'

const place = { sid: 'A'.repeat(64), dir: 'c2s', seq: 12 } as const
const HIDDEN = /[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u

const report = bundleReport('false')
const short = { ...report, rows: report.rows.slice(0, 4) }

/** What tabs of the editor are made of: an address that another extension may have made, a context of anybody, messages. */
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
  valuesOf(
    'bundle-message',
    [],
    [
      { type: 'working', read: 1, bytes: 2 },
      { type: 'failed', sentence: 'No.' },
      { type: 'report', report: short },
    ],
    unchanged(parseBundleMessage),
    0.5,
  ),
  valuesOf('bundle-intent', [], [{ type: 'ready' }, { type: 'trust', kid: KID }], unchanged(parseBundleIntent)),
]
