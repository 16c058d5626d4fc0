import type { BundleFinding, BundleReport } from '../../src/contracts/bundleView.ts'
import { h, type VNode } from '../dom/h.ts'
import { marked } from '../pieces/marks.ts'
import { number } from '../text/format.ts'
import { strings } from './strings.ts'
import { stateWord } from './state.ts'

const t = strings.findings

/** What is false apart from what is only missing: one is an accusation, the other a question. */
export function findings({ findings: found, moreFindings }: BundleReport): VNode | undefined {
  if (found.length === 0) return undefined
  return h(
    'section',
    { key: 'findings' },
    h('h2', {}, t.title),
    group('false', found),
    group('incomplete', found),
    moreFindings > 0 && h('p', { class: 'quiet' }, t.more(number(moreFindings))),
  )
}

function group(state: BundleFinding['state'], found: readonly BundleFinding[]): VNode | undefined {
  const of = found.filter((finding) => finding.state === state)
  if (of.length === 0) return undefined
  return h(
    'div',
    { key: state, class: 'findings' },
    h('h3', {}, stateWord(state, t[state])),
    h(
      'ul',
      {},
      of.map(({ note, count, lines }) =>
        h('li', {}, h('bdi', {}, marked(note, 500)), ' ', h('span', { class: 'quiet num' }, placeOf(lines, count))),
      ),
    ),
  )
}

function placeOf(lines: readonly number[], count: number): string {
  const named = lines.filter((line) => line > 0).map(number)
  if (named.length === 0) return t.whole
  return count === 1 ? t.line(named.join(', ')) : t.lines(named.join(', '), number(count))
}
