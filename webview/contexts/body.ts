import type { ContextBody, ContextDetail } from '../../src/contracts/panelContext.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { custodyGlyph, marked, verdictWord } from '../pieces/marks.ts'
import { strings } from '../strings.ts'
import { bytes, number } from '../text/format.ts'
import { oddities } from '../text/hostile.ts'
import { type Line, layout, MOST_COLUMNS } from '../text/json.ts'

const t = strings.contexts
const drawn = new WeakMap<ContextBody, VNode>()

/** Question and answer side by side. Bytes that did not verify are withheld until somebody asks for them. */
export function bodiesView(detail: ContextDetail, reveal: () => void): VNode {
  const answers = detail.answers.map((body) => boxView(body, reveal))
  const { row } = detail
  return h(
    'div',
    { class: 'qa' },
    detail.question === undefined ? missing('to', t.question, t.noQuestion) : boxView(detail.question, reveal),
    answers.length > 0
      ? h(
          'div',
          { class: 'answers' },
          answers,
          detail.moreAnswers > 0 && h('p', { class: 'quiet small' }, `… ${number(detail.moreAnswers)} more`),
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

function boxView(body: ContextBody, reveal: () => void): VNode {
  const to = body.dir === 'c2s'
  return h(
    'section',
    { class: 'box', key: body.ref, 'aria-label': to ? t.question : t.answer },
    h(
      'div',
      { class: 'cap' },
      icon(to ? 'to' : 'from'),
      h('h3', {}, to ? t.question : t.answer),
      h('span', { class: 'quiet num' }, bytes(body.size)),
      h('span', { class: 'grow' }),
      verdictWord(body.verdict),
      custodyGlyph(body.custody),
    ),
    content(body, reveal),
  )
}

function content(body: ContextBody, reveal: () => void): Child {
  if (body.state === 'digest only') return h('div', { class: 'withheld' }, h('p', { class: 'quiet' }, t.digestOnly))
  if (body.state === 'withheld' || body.text === undefined) {
    return h(
      'div',
      { class: 'withheld' },
      h('p', { class: 'strong' }, t.withheld),
      h('p', { class: 'quiet' }, body.verdict === 'unsigned' ? t.unsignedWhy : t.withheldWhy),
      button({ label: strings.actions.reveal, press: reveal }),
    )
  }
  const odd = oddities(body.text)
  return [
    (odd > 0 || body.lossy || body.cut) &&
      h(
        'div',
        { class: 'remarks' },
        odd > 0 && remark(`${number(odd)} ${t.odd}`),
        body.lossy && remark(t.lossy),
        body.cut && remark(t.cut),
      ),
    text(body, body.text),
  ]
}

const remark = (words: string) => h('p', { class: 'flag small' }, icon('warn'), h('span', {}, words))

/** Laid out once for each body: contexts do not change. */
function text(body: ContextBody, content: string): VNode {
  let node = drawn.get(body)
  if (node === undefined) {
    node = h(
      'pre',
      { tabindex: 0, dir: 'ltr', 'aria-label': body.dir === 'c2s' ? t.question : t.answer },
      layout(content).map(line),
    )
    drawn.set(body, node)
  }
  return node
}

const LOOK = { key: 'k', string: 's', number: 'n', word: 'b', punctuation: 'p', text: 't', note: 'note' } as const

function line(tokens: Line): VNode {
  return h(
    'div',
    {},
    tokens.map((token) => h('bdi', { class: LOOK[token.kind] }, marked(token.text, MOST_COLUMNS + 40))),
    tokens.length === 0 && h('br'),
  )
}
