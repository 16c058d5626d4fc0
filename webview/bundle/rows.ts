import type { BundleReport, BundleRow } from '../../src/contracts/bundleView.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { marked, name } from '../pieces/marks.ts'
import { clockMs, number, size } from '../text/format.ts'
import { strings } from './strings.ts'
import { stateWord } from './state.ts'

const t = strings.rows

/** A table that scrolls by itself, so that the page fits a narrow editor. */
export function rows({ rows: found, contexts }: BundleReport): VNode {
  return h(
    'section',
    { key: 'rows' },
    h('h2', {}, t.title),
    found.length === 0 && h('p', { class: 'quiet' }, t.none),
    contexts > found.length && h('p', { class: 'quiet' }, t.more(number(found.length), number(contexts))),
    found.length > 0 &&
      h(
        'div',
        { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': t.label },
        h('table', { class: 'num' }, head(), h('tbody', {}, found.map(row))),
      ),
  )
}

function head(): VNode {
  const titles = [t.line, t.verdict, t.context, t.server, t.time, t.size, t.reason]
  return h(
    'thead',
    {},
    h(
      'tr',
      {},
      titles.map((title) => h('th', { scope: 'col', class: title === t.line || title === t.size ? 'r' : '' }, title)),
    ),
  )
}

function row({ line, state, notes, about }: BundleRow): VNode {
  const cells: Child[] =
    about === undefined
      ? [h('td', { colspan: 4, class: 'quiet' }, t.unreadable)]
      : [
          h(
            'td',
            {},
            h(
              'span',
              { class: 'what', title: strings.dir[about.dir] },
              icon(about.dir === 'c2s' ? 'to' : 'from'),
              h('span', { class: 'hear' }, strings.dir[about.dir]),
              name(about.method ?? about.kind),
              about.method !== undefined && h('span', { class: 'quiet' }, about.kind),
            ),
          ),
          h('td', {}, name(about.server)),
          h('td', {}, clockMs(about.at)),
          h('td', { class: 'r' }, size(about.size)),
        ]
  return h(
    'tr',
    { key: `line ${line}` },
    h('td', { class: 'r quiet' }, number(line)),
    h('td', {}, stateWord(state)),
    cells,
    h('td', { class: 'reason' }, h('bdi', {}, marked(notes.join(' · '), 500))),
  )
}
