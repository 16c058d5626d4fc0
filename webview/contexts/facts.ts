import type { ContextBatch, ContextCheck, ContextDetail, ContextStatement } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { disclosure, link } from '../pieces/controls.ts'
import { code, custodyWord, keyValues, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { bytes, clock, clockMs, milliseconds, number, short } from '../text/format.ts'
import { plain } from '../text/hostile.ts'

const t = strings.contexts
const GLYPH = { passed: 'verified', failed: 'rejected', 'not reached': 'unsigned' } as const
const LOOK = { passed: '', failed: 'fail', 'not reached': 'skip' } as const

/** The checks in the order in which they ran; after a failure the rest says that it was not reached. */
export function checksView(detail: ContextDetail): VNode {
  const failed = detail.checks.some((check) => check.state === 'failed')
  const when =
    detail.checkedAt === undefined ? '' : `${clock(detail.checkedAt)} · ${milliseconds(detail.timings.verify)}`
  return h(
    'section',
    { key: 'checks' },
    h('h3', {}, t.checks, h('span', { class: 'quiet small num' }, failed ? t.stopped : when)),
    h(
      'ul',
      { class: 'checks' },
      detail.checks.map((check) =>
        h(
          'li',
          {},
          icon(GLYPH[check.state], check.state === 'passed' ? 'ok' : check.state === 'failed' ? 'bad' : ''),
          h('span', { class: LOOK[check.state] }, marked(check.name)),
          h('span', { class: 'quiet num' }, outcomeOf(check)),
        ),
      ),
    ),
  )
}

function outcomeOf(check: ContextCheck): Child {
  if (check.state === 'not reached') return t.notReached
  // Why it failed stands above the checks, in a sentence.
  if (check.state === 'failed') return h('span', { title: plain(check.detail ?? '', 500) }, t.fails)
  const detail = check.detail ?? ''
  return isKid(detail) ? code(detail, short(detail)) : marked(detail, 60)
}

const isKid = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

export function statementView(model: Model, statement: ContextStatement, detail: ContextDetail): VNode {
  const differs = detail.receivedDigest !== undefined && detail.receivedDigest !== statement.digest
  const { end, ack } = statement
  return h(
    'section',
    { key: 'statement' },
    h(
      'h3',
      {},
      t.statement,
      h(
        'span',
        { class: 'quiet small num' },
        detail.statementIs === 'claimed' ? t.claimedOnly : bytes(statement.bytes),
      ),
    ),
    keyValues([
      ['receipt', receiptView(model, detail)],
      ['session', code(statement.sid, short(statement.sid))],
      ['direction', sentences.direction(statement.dir, number(statement.seq))],
      ['kind', marked(`${statement.kind}${statement.method === undefined ? '' : ` · ${statement.method}`}`, 120)],
      statement.id === undefined ? undefined : ['id', h('code', {}, marked(statement.id, 60))],
      ['signed at', sentences.signedAt(clockMs(statement.ts))],
      [
        'audience',
        [statement.audName !== undefined && name(statement.audName), ' ', code(statement.aud, short(statement.aud))],
      ],
      [
        'context',
        [`${bytes(statement.length)} · SHA-384 `, code(statement.digest, short(statement.digest, 8))],
        differs ? 'badtext' : '',
      ],
      differs
        ? [
            'received',
            ['SHA-384 ', code(detail.receivedDigest ?? '', short(detail.receivedDigest ?? '', 8))],
            'badtext',
          ]
        : undefined,
      ['previous', code(statement.prev, short(statement.prev, 8))],
      statement.req === undefined ? undefined : ['answers', code(statement.req, short(statement.req, 8))],
      [
        'received',
        ack.seq < 0 ? t.noneReceived : [`${sentences.upTo(number(ack.seq))} · `, code(ack.head, short(ack.head, 6))],
      ],
      end === undefined
        ? undefined
        : ['end', [`${sentences.events(end.events, number(end.events))} · `, marked(end.reason)]],
    ]),
    exactly(model, detail, 'statement', t.exactStatement, statement.text),
  )
}

/** Whether the other side has said that it verified this one, and where it said so. */
function receiptView(model: Model, { row, acknowledgedBy: by }: ContextDetail): Child {
  const state = row.receipt ?? 'open'
  const words = h('span', { class: 'v' }, state === 'open' ? '' : icon(state), t.receipt[state])
  if (state !== 'acknowledged' || by === undefined) return words
  const where = sentences.acknowledgedBy(number(by.seq), clockMs(by.at))
  return [words, ' · ', link(where, () => model.select({ ref: by.ref }))]
}

/** The bytes themselves, closed until somebody wants them. */
function exactly(
  model: Model,
  { row: { ref } }: ContextDetail,
  part: 'statement' | 'jws',
  title: string,
  text: string,
): VNode {
  return disclosure(
    title,
    h('pre', { class: 'exact', tabindex: 0, dir: 'ltr', role: 'group', 'aria-label': title }, marked(text, 16_384)),
    link(t.copy, () => void model.send('copyPart', { ref, part, reveal: true }, sentences.copied(title))),
  )
}

export function batchView(model: Model, batch: ContextBatch, detail: ContextDetail): VNode {
  const { sign, queued } = detail.timings
  // What the header must be is said in three words; anything else is shown as it is.
  const usual = batch.header === JSON.stringify({ alg: batch.alg, typ: 'countersign-batch', kid: batch.kid })
  const header = usual ? `${batch.alg} · countersign-batch` : batch.header
  return h(
    'section',
    { key: 'batch' },
    h(
      'h3',
      {},
      t.batch,
      h('span', { class: 'chip num' }, `n=${batch.n}`),
      h('span', { class: 'quiet small num' }, sign === undefined ? '' : sentences.oneSignature(milliseconds(sign))),
    ),
    keyValues([
      ['header', h('span', { title: plain(batch.header, 2000) }, marked(header, 300)), 'wrapped'],
      ['payload', h('code', { title: plain(batch.payload, 2000) }, marked(batch.payload, 400)), 'wrapped'],
      ['signer', h('span', { class: 'row' }, code(batch.kid, short(batch.kid)), custodyWord(batch.custody))],
      [
        'signature',
        [`${bytes(batch.signatureBytes)} · SHA-384 `, code(batch.signatureDigest, short(batch.signatureDigest))],
      ],
      queued === undefined ? undefined : ['queued', milliseconds(queued)],
    ]),
    exactly(model, detail, 'jws', t.exactJws, batch.jws),
  )
}
