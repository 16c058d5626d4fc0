import type { ContextDetail, ContextRow } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState, working } from '../pieces/controls.ts'
import { filled, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { bytes, clockMs, milliseconds, number } from '../text/format.ts'
import { bodiesView } from './body.ts'
import { batchView, checksView, statementView } from './facts.ts'
import { proofView } from './proof.ts'
import { about } from './row.ts'

const t = strings.contexts
/** No line begins with it. */
const DOT = '\u00a0· '

/** The selected context: what it is, whether it holds, and everything needed to see why. */
export function detailView(model: Model): VNode[] {
  const ref = model.saved.context
  const row = ref === undefined ? undefined : (model.rows.get(ref) ?? model.detail?.detail?.row)
  if (ref === undefined || row === undefined) return [h('p', { class: 'quiet hint' }, t.select)]
  const loaded = model.detail?.ref === ref ? model.detail : undefined
  return [
    head(row, loaded?.detail),
    actions(model, row, loaded?.busy ?? true),
    ...banner(row, loaded?.detail?.waiting),
    ...body(),
  ]

  function body(): VNode[] {
    if (loaded === undefined || loaded.state === 'loading') return [working('')]
    if (loaded.detail === undefined) {
      const again = button({
        label: strings.actions.reload,
        look: 'primary',
        press: () => void model.load(ref ?? '', false),
      })
      return [emptyState(strings.empty.detailFailed, loaded.error ?? '', [again], icon('warn', 'wait'))]
    }
    return shown(model, loaded.detail)
  }
}

function head(row: ContextRow, detail: ContextDetail | undefined): VNode {
  const answered = detail?.timings.answered
  const facts = [
    ...(row.dir === 'c2s'
      ? filled(t.requestTo, marked(row.method ?? row.kind), name(row.server))
      : filled(t.answerFrom, name(row.server))),
    `${DOT}${clockMs(row.at)}${DOT}${bytes(row.size)}`,
    row.exchange !== undefined && `${DOT}${sentences.exchange(number(row.exchange))}`,
    answered !== undefined && `${DOT}${sentences.answered(milliseconds(answered))}`,
  ]
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'pane-head' },
      h('span', { class: `verdict ${row.verdict}` }, icon(row.verdict), strings.verdict[row.verdict]),
      h('h2', { class: 'ttl', id: 'context-title', tabindex: -1 }, name(about(row))),
    ),
    h('p', { class: 'sub2 quiet num' }, facts),
  )
}

function actions(model: Model, row: ContextRow, busy: boolean): VNode {
  const { ref } = row
  const proven = row.verdict === 'verified' || row.verdict === 'rejected'
  // In pairs: where four do not fit, two and two stand below each other.
  const pair = (...two: VNode[]) => h('div', { class: 'row' }, two)
  const again = pair(
    button({
      label: strings.actions.verifyAgain,
      icon: 'redo',
      disabled: !proven || busy,
      press: () => void model.load(ref, model.detail?.revealed ?? false, 'verifyAgain'),
    }),
    button({
      label: strings.actions.copyEvidence,
      icon: 'copy',
      disabled: !proven,
      press: () => void model.send('copyEvidence', { ref }, t.copied),
    }),
  )
  const out = pair(
    button({
      label: strings.actions.export,
      icon: 'share',
      disabled: row.verdict !== 'verified' || model.busy.has('exportEvidence'),
      press: () => void model.send('exportEvidence', { ref }),
    }),
    button({
      label: strings.actions.openDocument,
      icon: 'document',
      disabled: !proven,
      press: () => void model.send('openDocument', { ref }),
    }),
  )
  return h('div', { class: 'row wrap acts' }, again, out)
}

function banner(row: ContextRow, waiting: number | undefined): VNode[] {
  if (row.verdict === 'verified') return []
  const title = { pending: t.pendingTitle, rejected: t.rejectedTitle, unsigned: t.unsignedTitle }[row.verdict]
  const glyph = row.verdict === 'rejected' ? 'bad' : row.verdict === 'pending' ? 'wait' : ''
  const words = h(
    'div',
    { class: `banner ${row.verdict}` },
    icon(row.verdict, glyph),
    h(
      'div',
      { class: 'grow' },
      h('p', { class: 'strong' }, title),
      row.reason !== undefined && h('p', {}, marked(row.reason, 1000)),
      row.verdict === 'pending' && waiting !== undefined && h('p', {}, sentences.waiting(waiting, number(waiting))),
      row.alert !== undefined &&
        row.reason?.includes('alert') !== true &&
        h('p', { class: 'quiet num' }, sentences.alert(row.alert)),
      row.verdict === 'rejected' && h('p', { class: 'quiet' }, t.rejectedTodo),
    ),
  )
  return [words]
}

function shown(model: Model, detail: ContextDetail): VNode[] {
  const right: Child[] = [
    detail.proof !== undefined && proofView(detail.proof),
    detail.batch !== undefined && batchView(model, detail.batch, detail),
  ]
  const left: Child[] = [
    detail.checks.length > 0 && checksView(detail),
    detail.statement !== undefined && statementView(model, detail.statement, detail),
  ]
  return [bodiesView(model, detail), h('div', { class: 'two' }, h('div', {}, left), h('div', {}, right))]
}
