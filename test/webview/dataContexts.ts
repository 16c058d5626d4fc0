import type { ContextDetail, ContextRow } from '../../src/contracts/panelContext.ts'
import { dice, editor, hash, hex, id, NOW } from './seed.ts'

export const HOSTILE = 'read\u202efdp.exe\u200b\u0007 <img src=x onerror=alert(1)>'
const TOOLS = ['read_text_file', 'list_directory', 'search_files', 'write_file', 'get_file_info']

export function contextRows(count: number): ContextRow[] {
  const roll = dice(11)
  const rows: ContextRow[] = []
  let batch = 0
  let left = 0
  let n = 1
  let at = NOW - count * 140
  for (let seq = 0; seq < count; seq++) {
    if (left === 0) {
      n = seq > count - 40 && seq < count - 30 ? 12 : 1 + Math.floor(roll() ** 3 * 14)
      left = n
      batch++
      at += 200 + roll() * 900
    }
    left--
    const answer = n === 1 && roll() > 0.4
    const server = roll() > 0.75 ? 'tickets' : 'files'
    const tool = TOOLS[Math.floor(roll() * TOOLS.length)] ?? ''
    rows.push({
      ref: `c${seq}`,
      verdict: 'verified',
      at: Math.round(at),
      dir: answer ? 's2c' : 'c2s',
      server,
      kind: answer ? 'response' : 'request',
      method: roll() > 0.9 ? 'tools/list' : 'tools/call',
      ...(roll() > 0.15 ? { tool } : {}),
      size: answer ? Math.floor(900 + roll() * 40_000) : Math.floor(60 + roll() * 400),
      custody: answer ? 'software' : 'hsm',
      batch: { id: `b${batch}`, n },
      exchange: seq >> 1,
      sid: id('sid files'),
      seq,
    })
  }
  const special = (back: number, change: Partial<ContextRow>) => {
    const row = rows[count - back]
    if (row !== undefined) rows[count - back] = { ...row, ...change }
  }
  for (const back of [1, 2]) {
    const row = rows[count - back]
    if (row === undefined) continue
    const { batch: _batch, ...rest } = row
    rows[count - back] = {
      ...rest,
      verdict: 'pending',
      dir: 'c2s',
      kind: 'request',
      tool: back === 1 ? 'write_file' : 'search_files',
      custody: 'hsm',
      size: 3122,
    }
  }
  special(8, {
    verdict: 'rejected',
    dir: 's2c',
    kind: 'response',
    server: 'warehouse',
    tool: 'stock_level',
    custody: 'unknown',
    alert: 110,
    reason:
      'The bytes are not the ones that were signed: their digest differs from the statement’s. The session ended with alert 110, bad statement; the agent got an error and never saw this answer.',
  })
  special(6, { tool: HOSTILE })
  special(12, {
    verdict: 'unsigned',
    dir: 's2c',
    kind: 'event',
    server: 'warehouse',
    custody: 'unknown',
    reason: 'It came without a statement, so it was withheld.',
    size: 88,
  })
  return rows
}

function tree(
  index: number,
  leaves: readonly Uint8Array[],
): { root: Uint8Array; given: Uint8Array[]; computed: Uint8Array[] } {
  const first = leaves[0]
  if (leaves.length === 1 && first !== undefined) return { root: first, given: [], computed: [first] }
  let cut = 1
  while (cut * 2 < leaves.length) cut *= 2
  const inLeft = index < cut
  const left = tree(inLeft ? index : 0, leaves.slice(0, cut))
  const right = tree(inLeft ? 0 : index - cut, leaves.slice(cut))
  const root = hash(Uint8Array.of(1), left.root, right.root)
  const [mine, other] = inLeft ? [left, right] : [right, left]
  return { root, given: [...mine.given, other.root], computed: [...mine.computed, root] }
}

const QUESTION = JSON.stringify({
  jsonrpc: '2.0',
  id: 41,
  method: 'tools/call',
  params: { name: 'read_text_file', arguments: { path: 'docs/pricing.md' } },
})
const ANSWER = JSON.stringify({
  jsonrpc: '2.0',
  id: 41,
  result: { content: [{ type: 'text', text: '# Pricing\n\nList prices are reviewed every quarter.' }], isError: false },
})
/** The bytes of a body, for who wants to see them. */
export function bytesOf(ref: string): Uint8Array {
  return Buffer.from(ref.endsWith('other') ? QUESTION : `${ANSWER}${'x'.repeat(9000)}`)
}
const DEEP = 200
const NASTY = `{"jsonrpc":"2.0","id":41,"result":{"content":[{"type":"text","text":"total \u202e000,1$\u202c \u200b\u001b[31mred <script>alert(1)</script> <img src=x onerror=alert(2)>"}],"long":"${'A'.repeat(200_000)}","deep":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}}`

export function detailOf(row: ContextRow, reveal: boolean): ContextDetail {
  const n = row.batch?.n ?? 1
  const index = Math.min(4, n - 1)
  const leaves = Array.from({ length: n }, (_, leaf) => hash(Uint8Array.of(0), `${row.batch?.id} ${leaf}`))
  const { root, given, computed } = tree(index, leaves)
  const bad = row.verdict === 'rejected'
  const pending = row.verdict === 'pending'
  const unsigned = row.verdict === 'unsigned'
  const hostile = row.tool === HOSTILE
  const checks = [
    'statement well formed',
    'proof leads to the root',
    'signature on the root',
    'the signer is the session’s',
    'session, audience, sequence, time',
    'context is as stated',
    'bound to its question',
  ] as const
  const failedAt = bad ? 5 : checks.length
  const withheld = (bad || unsigned) && !reveal
  const mine = {
    ref: row.ref,
    dir: row.dir,
    verdict: row.verdict,
    custody: row.custody,
    at: row.at,
    size: row.size,
    cut: false,
    lossy: false,
  }
  const other = { ...mine, ref: `${row.ref} other`, verdict: 'verified' as const, size: 412 }
  const answer = {
    ...(row.dir === 's2c' ? mine : { ...other, dir: 's2c' as const, custody: 'software' as const, size: 2914 }),
    text: hostile ? NASTY : ANSWER,
  }
  const { text: answerText, ...answerMeta } = answer
  const { batch: _batch, ...bare } = row
  const kid = row.custody === 'hsm' ? editor.kid : id('desk')
  const statement = {
    bytes: 566,
    sid: row.sid,
    dir: row.dir,
    seq: row.seq ?? 0,
    kind: row.kind,
    server: row.server,
    exchange: row.exchange ?? 0,
    method: 'tools/call',
    id: '41',
    ts: row.at,
    aud: id('desk'),
    audName: 'desk',
    digest: hash(QUESTION).toString('base64url'),
    length: row.size,
    prev: hash('prev').toString('base64url'),
    ack: { seq: 280, head: hash('ack').toString('base64url') },
  }
  const text = JSON.stringify({ v: 1, typ: 'countersign-statement', ...statement, salt: id('salt') })
  return {
    row: row.batch === undefined ? bare : row,
    question: pending
      ? { ...mine, state: 'waiting' }
      : { ...(row.dir === 'c2s' ? mine : { ...other, dir: 'c2s', custody: 'hsm' }), state: 'shown', text: QUESTION },
    answers: pending
      ? []
      : [
          withheld && row.dir === 's2c'
            ? { ...answerMeta, state: 'withheld' }
            : { ...answerMeta, state: 'shown', text: answerText },
        ],
    moreAnswers: 0,
    ...(pending ? { waiting: 1 } : {}),
    checks:
      pending || unsigned
        ? []
        : checks.map((name, at) => ({
            name,
            state: at < failedAt ? 'passed' : at === failedAt ? 'failed' : 'not reached',
            ...(at === 1 ? { detail: `${given.length} nodes` } : at === 2 ? { detail: 'ML-DSA-87' } : {}),
          })),
    ...(pending || unsigned
      ? {}
      : {
          checkedAt: Date.now(),
          statement: { ...statement, text },
          ...(row.receipt === 'acknowledged' ? { acknowledgedBy: { ref: row.ref, seq: 281, at: row.at + 38 } } : {}),
          proof: { index, size: n, given: given.map(hex), computed: computed.map(hex) },
        }),
    statementIs: bad ? 'claimed' : 'verified',
    ...(bad ? { receivedDigest: hash('other').toString('base64url') } : {}),
    ...(pending || unsigned
      ? {}
      : {
          batch: {
            n,
            root: hex(root),
            kid,
            custody: row.custody,
            alg: 'ML-DSA-87',
            header: JSON.stringify({ alg: 'ML-DSA-87', typ: 'countersign-batch', kid }),
            payload: JSON.stringify({
              v: 1,
              typ: 'countersign-batch',
              alg: 'sha-384',
              n,
              root: root.toString(),
              custody: row.custody,
            }).replace(/"root":"[^"]*"/, `"root":"${Buffer.from(root).toString('base64url')}"`),
            signatureBytes: 4627,
            signatureDigest: hex(hash('signature')),
            jws: JSON.stringify({
              protected: id('protected'),
              payload: id('payload'),
              signature: hash('signature').toString('base64url').repeat(96),
            }),
          },
        }),
    timings:
      pending || unsigned
        ? {}
        : { sign: 9.1, queued: 10.4, verify: 4.2, ...(row.dir === 'c2s' ? { answered: 38 } : {}) },
  }
}
