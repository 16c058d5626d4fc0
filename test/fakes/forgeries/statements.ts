import { BUNDLE_SID } from '../evidenceBundle.ts'
import { type Forger, type Forgery, flipped, type Line } from './forger.ts'

const SIGNED = /does not lead from the statement to the root|is not strict JSON|A statement /

/** A statement with one of its members changed, in a record under a manifest that fits. */
function member(change: (statement: Line) => Line, n = 1): Forgery {
  return changed((text) => JSON.stringify(change(JSON.parse(text))), n)
}

function changed(change: (text: string) => string, n = 1, reason = SIGNED): Forgery {
  return {
    reason,
    forge: (real: Forger) =>
      real.sealed(real.record(n, (line) => ({ ...line, statement: change(String(line['statement'])) }))),
  }
}

const digest = flipped(BUNDLE_SID)

/** Record 1 is a request, record 3 a response, record 9 the end of an exchange. */
export const FORGED_STATEMENTS: Readonly<Record<string, Forgery>> = {
  'v of a statement': member((s) => ({ ...s, v: 2 })),
  'typ of a statement': member((s) => ({ ...s, typ: 'countersign-batch' })),
  'sid: a foreign session': member((s) => ({ ...s, sid: digest })),
  'dir of a statement': member((s) => ({ ...s, dir: 's2c' })),
  'seq of a statement': member((s) => ({ ...s, seq: 7 })),
  'kind of a statement': member((s) => ({ ...s, kind: 'cancel', method: undefined, id: undefined })),
  'server of a statement': member((s) => ({ ...s, server: 'other' })),
  'exchange of a statement': member((s) => ({ ...s, exchange: 9 })),
  'head digest of a statement': member((s) => ({ ...s, head: flipped(s['head']) })),
  'method of a statement': member((s) => ({ ...s, method: 'tools/list' })),
  'id of a statement': member((s) => ({ ...s, id: '42' })),
  'id as a text': member((s) => ({ ...s, id: '"41"' })),
  'ts of a statement': member((s) => ({ ...s, ts: Number(s['ts']) + 1 })),
  'aud of a statement': member((s) => ({ ...s, aud: flipped(s['aud']) })),
  'salt of a statement': member((s) => ({ ...s, salt: flipped(s['salt']) })),
  'ctx.alg of a statement': member((s) => ({ ...s, ctx: { ...Object(s['ctx']), alg: 'sha-256' } })),
  'ctx.digest of a statement': member((s) => ({ ...s, ctx: { ...Object(s['ctx']), digest } })),
  'ctx.length of a statement': member((s) => ({ ...s, ctx: { ...Object(s['ctx']), length: 1 } })),
  'prev of a statement': member((s) => ({ ...s, prev: digest })),
  'req of an answer': member((s) => ({ ...s, req: digest }), 3),
  'req taken out of an answer': member((s) => ({ ...s, req: undefined }), 3),
  'ack.seq of a statement': member((s) => ({ ...s, ack: { ...Object(s['ack']), seq: 1 } })),
  'ack.head of a statement': member((s) => ({ ...s, ack: { ...Object(s['ack']), head: digest } })),
  'end.events of an end': member((s) => ({ ...s, end: { events: 2, reason: 'complete' } }), 9),
  'end.reason of an end': member((s) => ({ ...s, end: { events: 1, reason: 'broken' } }), 9),
  'a close of an exchange': changed((text) => text.replace('"exchange":0', '"exchange":3'), 10, /close has exchange 3/),
  'a request of no exchange': changed((text) => text.replace('"exchange":4', '"exchange":0'), 1, /has exchange 0/),
  'an unknown member of a statement': member((s) => ({ ...s, note: 'x' })),
  'a member of a statement twice': changed((text) => text.replace('"seq":1,', '"seq":1,"seq":1,')),
  'white space in a statement': changed((text) => text.replace('{"v"', '{ "v"')),
  'an escaped letter in a statement': changed((text) => text.replace('"files"', '"\\u0066iles"')),
  'members of a statement in another order': changed((text) => {
    const { v, typ, ...others } = Object(JSON.parse(text))
    return JSON.stringify({ typ, v, ...others })
  }),
  'a byte order mark before a statement': changed((text) => `\ufeff${text}`),
  'a number in another spelling': changed((text) => text.replace('"seq":1,', '"seq":1.0,')),
}
