import type { BundleReport, BundleSession } from '../../src/contracts/bundleView.ts'
import { h, type VNode } from '../dom/h.ts'
import { code } from '../pieces/marks.ts'
import { number, short } from '../text/format.ts'
import { strings } from './strings.ts'
import { stateWord } from './state.ts'

const t = strings.sessions

export function sessions({ sessions: found, sessionCount }: BundleReport): VNode | undefined {
  if (found.length === 0) return undefined
  return h(
    'section',
    { key: 'sessions' },
    h('h2', {}, t.title),
    h(
      'ul',
      { class: 'list-of-sessions' },
      found.map((session) =>
        h(
          'li',
          { key: session.sid },
          h('div', { class: 'row wrap' }, stateWord(session.state), code(session.sid, short(session.sid, 8))),
          h('div', { class: 'small' }, h('span', { class: 'quiet' }, `${t.out}: `), direction(session.c2s)),
          h('div', { class: 'small' }, h('span', { class: 'quiet' }, `${t.back}: `), direction(session.s2c)),
        ),
      ),
    ),
    sessionCount > found.length && h('p', { class: 'quiet' }, t.more(number(found.length), number(sessionCount))),
  )
}

function direction({ statements, closed, unacknowledged }: BundleSession['c2s']): string {
  return t.statements(number(statements), closed, unacknowledged === 0 ? '' : number(unacknowledged))
}
