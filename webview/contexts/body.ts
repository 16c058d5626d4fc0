import type { ContextBody, ContextDetail } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, link } from '../pieces/controls.ts'
import { custodyGlyph, marked, verdictWord } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { bytes, number } from '../text/format.ts'
import { oddities } from '../text/hostile.ts'
import { bytesView } from './bytes.ts'
import { treeView } from './tree.ts'

const t = strings.contexts

/** Question and answer side by side. Bytes that did not verify are withheld until somebody asks for them. */
export function bodiesView(model: Model, detail: ContextDetail): VNode {
  const answers = detail.answers.map((body) => boxView(model, body))
  const { row } = detail
  return h(
    'div',
    { class: 'qa' },
    detail.question === undefined ? missing('to', t.question, t.noQuestion) : boxView(model, detail.question),
    answers.length > 0
      ? h(
          'div',
          { class: 'answers' },
          answers,
          detail.moreAnswers > 0 && h('p', { class: 'quiet small' }, sentences.more(number(detail.moreAnswers))),
        )
      : missing('from', t.answer, row.verdict === 'pending' ? t.notAsked : t.notAnswered),
  )
}

function missing(glyph: 'to' | 'from', title: string, text: string): VNode {
  return h(
    'section',
    { class: 'box' },
    h('div', { class: 'cap' }, icon(glyph), h('h3', {}, title)),
    h('div', { class: 'withheld' }, h('p', { class: 'quiet' }, text)),
  )
}

function boxView(model: Model, body: ContextBody): VNode {
  const to = body.dir === 'c2s'
  const label = to ? t.question : t.answer
  return h(
    'section',
    { class: 'box', key: body.ref, 'aria-label': label },
    h(
      'div',
      { class: 'cap' },
      icon(to ? 'to' : 'from'),
      h('h3', {}, label),
      h('span', { class: 'quiet num' }, bytes(body.size)),
      h('span', { class: 'grow' }),
      verdictWord(body.verdict),
      custodyGlyph(body.custody),
    ),
    content(model, body, label),
  )
}

function content(model: Model, body: ContextBody, label: string): Child {
  if (body.state === 'shown' && body.text !== undefined) return shown(model, body, body.text, label)
  if (body.state === 'digest only') return said(t.digestOnly)
  if (body.state === 'waiting') return said(t.waitingBody)
  if (body.state === 'lost') return said(body.reason ?? t.lost)
  const reveal = () => void model.load(model.saved.context ?? body.ref, true)
  return h(
    'div',
    { class: 'withheld' },
    h('p', { class: 'strong' }, t.withheld),
    h('p', { class: 'quiet' }, body.verdict === 'unsigned' ? t.unsignedWhy : t.withheldWhy),
    button({ label: strings.actions.reveal, press: reveal }),
  )
}

const said = (text: string): VNode => h('div', { class: 'withheld' }, h('p', { class: 'quiet' }, marked(text, 500)))

function shown(model: Model, body: ContextBody, text: string, label: string): Child {
  const { mode } = model.bodies.of(body.ref)
  const reveal = model.detail?.revealed ?? false
  const odd = oddities(text)
  return [
    h(
      'div',
      { class: 'ways' },
      link(t.asText, () => model.bodies.set(body.ref, { mode: 'text' }), mode === 'text'),
      link(t.asBytes, () => void model.bodies.bytes(body.ref, 0, reveal), mode === 'bytes'),
      h('span', { class: 'grow' }),
      link(t.copy, () => void model.send('copyPart', { ref: body.ref, part: 'context', reveal }, t.copiedContext)),
    ),
    (odd > 0 || body.lossy || body.cut) &&
      h(
        'div',
        { class: 'remarks' },
        odd > 0 && remark(`${number(odd)} ${t.odd}`),
        body.lossy && remark(t.lossy),
        body.cut && remark(t.cut),
      ),
    mode === 'text' ? treeView(body.ref, text, label, model.bodies) : bytesView(model, body, label),
  ]
}

const remark = (words: string) => h('p', { class: 'flag small' }, icon('warn'), h('span', {}, words))
