import type { PanelEpoch, PanelSession } from '../../src/contracts/panelSession.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { sentences, strings } from '../strings.ts'
import { clock, duration, number } from '../text/format.ts'

const t = strings.sessions

/** Width is time. Only epochs that were are drawn; what is to come is drawn only where its time is known. */
export function epochsView(session: PanelSession, now: number): VNode {
  const next = session.nextRekey
  const at = next?.at === undefined ? undefined : duration(next.at - now)
  const held = next?.contexts === undefined ? undefined : number(next.contexts)
  const limit = at === undefined && held === undefined ? '' : sentences.nextRekey(at, next?.contexts ?? 0, held)
  const rekeyed = session.epochs.some((epoch) => epoch.epoch > 0)
  return h(
    'section',
    { class: 'rule sec epsec', 'aria-label': t.epochs },
    h(
      'h3',
      {},
      t.epochs,
      h('span', { class: 'quiet small num' }, limit),
      h('span', { class: 'grow' }),
      rekeyed && h('span', { class: 'quiet small' }, icon('pen'), ` ${t.bothSigned}`),
    ),
    session.epochs.length === 0
      ? h('p', { class: 'quiet small' }, t.noEpoch)
      : h(
          'ol',
          { class: 'epochs num' },
          session.epochs.map((epoch) => epochView(epoch, session, now)),
        ),
  )
}

function epochView(epoch: PanelEpoch, session: PanelSession, now: number): VNode {
  const current = epoch.until === undefined && session.state === 'ready'
  const until = epoch.until ?? (current ? now : (session.since ?? now))
  const lasted = Math.max(1, until - epoch.from)
  const due = current ? session.nextRekey?.at : undefined
  const rest = due === undefined ? 0 : Math.max(0, due - now)
  const held = epoch.contexts === undefined ? '' : sentences.contexts(epoch.contexts, number(epoch.contexts))
  return h(
    'li',
    {
      class: `ep${current ? ' now' : ''}`,
      css: { 'flex-grow': String(lasted + rest) },
      title: `${duration(lasted)} ${held}`.trim(),
    },
    h(
      'div',
      { class: 'bars' },
      h(
        'div',
        { class: `bar${current ? ' done strong' : ''}`, css: { 'flex-grow': String(lasted) } },
        `${epoch.epoch}`,
        h('span', { class: 'quiet held' }, held),
      ),
      rest > 0 && h('div', { class: 'bar rest', css: { 'flex-grow': String(rest) } }),
    ),
    h(
      'div',
      { class: 'lab' },
      clock(epoch.from),
      h('br'),
      epoch.epoch > 0 && [icon('pen'), ' '],
      (current ? sentences.lasting : sentences.lasted)(t.causes[epoch.cause], duration(lasted)),
      // The end of an epoch is when its keys were wiped at this end.
      epoch.until !== undefined && [h('br'), `${t.erased} ${clock(epoch.until)}`],
    ),
  )
}
